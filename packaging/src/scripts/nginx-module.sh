# What the install scripts of a module package know of NGINX. Above this stand the variables of the package:
#   package   its name
#   builds    the NGINX that each module in it is for: a version and a signature a line, oldest first
#   folder    where those modules are, one folder a version
#   modules   NGINX's folder of modules, where the fitting one is linked
#   available, enabled   the line that loads the module, and the link that switches it on; empty where the administrator writes the line
#   group     the group of NGINX's workers

module=ngx_http_wallarm_module.so
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

# Links the module that fits. `link fresh` also switches the module on where the package does that.
link() {
    if find_nginx; then
        if ! fits; then
            explain >&2
            disable
            return 1
        fi
        chosen=$version
    else
        chosen=$(printf '%s\n' "$builds" | sed -n '$s/ .*//p')
        echo "$package: there is no NGINX here yet; the module for $chosen is linked."
        echo "Run $folder/nginx-module link when there is one."
    fi
    target=../wallarm/nginx-$chosen/$module
    before=$(readlink "$modules/$module" || true)
    if [ "$before" != "$target" ]; then
        mkdir -p "$modules"
        ln -sfn "$target" "$modules/$module.new"
        mv -f "$modules/$module.new" "$modules/$module"
        if [ -n "$before" ]; then
            echo "$package: the module for NGINX $chosen is linked now. Restart NGINX to load it: systemctl restart nginx"
        fi
    fi
    if [ "${1:-}" = fresh ] || [ -L "$enabled.unfit" ]; then
        enable
    fi
}

enable() {
    if [ -n "$enabled" ]; then
        rm -f "$enabled.unfit"
        if [ ! -e "$enabled" ]; then
            mkdir -p "${enabled%/*}"
            ln -sfn "$available" "$enabled"
        fi
    fi
}

# A line that loads a module which does not fit keeps NGINX from starting, and this one was written by this package.
disable() {
    if [ -n "$enabled" ] && [ -L "$enabled" ]; then
        mv -f "$enabled" "$enabled.unfit"
        echo "$package: $enabled is switched off, so that NGINX can start without the module. Requests are NOT" >&2
        echo "inspected until a fitting module is installed; it is switched on again then." >&2
    fi
}

unlink() {
    rm -f "$modules/$module" "$modules/$module.new"
    if [ -n "$enabled" ]; then
        rm -f "$enabled" "$enabled.unfit"
    fi
    left=$(grep -rslE '^[[:space:]]*(load_module[^;]*wallarm|wallarm_)' /etc/nginx || true)
    if [ -n "$left" ]; then
        echo "$package: NGINX will not start with what these files still say (load_module … wallarm, wallarm_…):"
        printf '%s\n' "$left" | sed 's/^/  /'
    fi
}

# Before an upgrade: rules that nobody has replaced since this package installed them are this package's to replace.
mark_rules() {
    if cmp -s "$packaged_rules" "$rules"; then
        : >"$rules_mark"
    fi
}

install_rules() {
    if [ ! -e "$rules" ] || [ -e "$rules_mark" ]; then
        cp "$packaged_rules" "$rules.new"
        chown "root:$group" "$rules.new" || chown root:wallarm "$rules.new" || true
        chmod 0640 "$rules.new"
        mv -f "$rules.new" "$rules"
    fi
    rm -f "$rules_mark"
}
