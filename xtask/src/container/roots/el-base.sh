# Turns a Debian root with dnf and rpm into one that a yum repository takes for EL 8.
set -eu

# Debian keeps rpm's database in the home folder of whoever calls, so that nobody mistakes rpm for the system's package
# manager. Here it is.
mkdir -p /etc/rpm
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros.dbpath
# `rpm -i https://…` fetches with curl.
ln -sf dnf /usr/bin/yum
mkdir -p /etc/yum.repos.d /etc/pki/rpm-gpg /etc/sysconfig

# The defaults of EL 8: best candidates or an error.
printf '[main]\ngpgcheck=1\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=True\nskip_if_unavailable=False\n' \
    >/etc/dnf/dnf.conf

built=$(mktemp -d)
rpmbuild -bb --quiet --define "_rpmdir $built" --define "_topdir $built" /tmp/el-base.spec
rpm --install "$built"/noarch/el-base-*.rpm
rm -rf "$built" /tmp/el-base.spec
rpm --query el-base
