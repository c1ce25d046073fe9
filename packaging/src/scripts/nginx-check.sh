# How a module package compares its modules with the NGINX of the machine. Above this stand the variables of the package:
#   package   its name
#   builds    the NGINX that each module in it is for: a version and a signature a line, oldest first
#   folder    where those modules are, one folder a version
#   modules   NGINX's folder of modules, where the fitting one is linked
#   available, enabled   the line that loads the module, and the link that switches it on; empty where the administrator writes the line
#   group     the group of NGINX's workers

packaged_rules=/usr/share/wallarm-common/proton.db
rules=/etc/wallarm/proton.db
rules_mark=/run/$package.rules

# Sets `nginx`. NGINX=… in the environment names another one.
find_nginx() {
    for nginx in "${NGINX:-}" /usr/sbin/nginx "$(command -v nginx)" /usr/local/sbin/nginx /usr/local/nginx/sbin/nginx; do
        if [ -n "$nginx" ] && [ -x "$nginx" ]; then
            return 0
        fi
    done
    return 1
}

# Sets `version` and `signature` of `nginx`; true if a module of this package fits.
fits() {
    version=$("$nginx" -v 2>&1 | sed -n 's|^nginx version: nginx/\([0-9.]*\).*|\1|p')
    for signature in $(LC_ALL=C grep -aoE '.,.,.,[01]{33,}' "$nginx" | sort -u); do
        if printf '%s\n' "$builds" | grep -qxF "$version $signature"; then
            return 0
        fi
    done
    return 1
}

explain() {
    echo "$package: no module in this package fits the NGINX of this machine."
    echo "  NGINX   ${version:-(version unknown)}  ${signature:-(no signature)}  $nginx"
    printf '%s\n' "$builds" | while read -r version signature; do
        echo "  module  $version  $signature"
    done
    echo "A module loads only into an NGINX of the same version and signature. There are packages for nginx.org's"
    echo "stable NGINX (nginx-module-wallarm), for NGINX Plus (nginx-plus-module-wallarm), and for the NGINX of the"
    echo "distribution (libnginx-mod-http-wallarm, on EL nginx-mod-http-wallarm)."
}

# Without an NGINX there is nothing to compare with.
check() {
    if find_nginx && ! fits; then
        explain >&2
        return 1
    fi
}

# The same before dpkg unpacks. A front end such as apt keeps the relations of this package, so that an NGINX of a version that
# nothing here is for is about to be replaced, perhaps after this package is unpacked: what comes is looked at when this package is configured.
check_unpacking() {
    if [ -n "${DPKG_FRONTEND_LOCKED:-}" ] && find_nginx && ! fits; then
        case "$builds" in
        *"$version "*) ;;
        *) return 0 ;;
        esac
    fi
    check
}

# Before an upgrade: rules that nobody has replaced since this package installed them are this package's to replace.
mark_rules() {
    if cmp -s "$packaged_rules" "$rules"; then
        : >"$rules_mark"
    fi
}
