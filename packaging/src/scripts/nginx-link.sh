# How the module that fits is linked and switched on. Stands after nginx-check.sh.

module=ngx_http_wallarm_module.so

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

install_rules() {
    if [ ! -e "$rules" ] || [ -e "$rules_mark" ]; then
        cp "$packaged_rules" "$rules.new"
        # An NGINX built from source may run its workers as somebody else.
        chown "root:$group" "$rules.new" 2>/dev/null || chown root:wallarm "$rules.new" || true
        chmod 0640 "$rules.new"
        mv -f "$rules.new" "$rules"
    fi
    rm -f "$rules_mark"
}
