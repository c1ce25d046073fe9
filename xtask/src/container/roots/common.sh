# What every root gets: a name of its own and an administrator who may use sudo.
set -eu

echo machine >/etc/hostname
printf '127.0.0.1 localhost machine\n::1 localhost machine\n' >/etc/hosts
# nspawn binds nothing here, and inside a machine there is no name server to ask.
rm -f /etc/resolv.conf
: >/etc/resolv.conf
# The documented commands are typed by a person with an account and sudo, not by root.
useradd --create-home --shell /bin/bash admin
echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
chmod 440 /etc/sudoers.d/admin
# They do nothing for a test, take time at boot, and some want devices that a machine has not.
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    fstrim.timer e2scrub_all.timer console-getty.service
