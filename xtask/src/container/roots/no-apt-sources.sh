# The only packages that apt may find in a machine are those of the repository under test.
set -eu

rm -f /etc/apt/sources.list.d/*
: >/etc/apt/sources.list
rm -rf /var/lib/apt/lists/*
