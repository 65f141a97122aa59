/* As a virus scanner does: holds a file for most of a minute so that nobody else can open it for writing. For wine.sh. */
#include <stdio.h>
#include <windows.h>

int main(int argc, char **argv) {
    HANDLE file;
    if (argc != 2) return 64;
    file = CreateFileA(argv[1], GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    printf("%s\n", file == INVALID_HANDLE_VALUE ? "it cannot be held" : "held");
    fflush(stdout);
    Sleep(50 * 1000);
    return 0;
}
