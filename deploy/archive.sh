# shellcheck shell=bash
# What the scripts that pack releases share. To be sourced from the project's root.

product_version() { sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1; }

# The moment that all files of an archive carry: the commit's, so that two builds of one commit give the same bytes.
release_moment() { git log -1 --format=%ct 2>/dev/null || echo 1764000000; }

# Writes a tar of NAME in DIRECTORY to the standard output.
same_bytes_tar() { # DIRECTORY NAME...
    local directory=$1
    shift
    tar --directory "$directory" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner \
        --mtime="@$(release_moment)" --create --file=- "$@"
}
