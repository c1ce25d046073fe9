-- The postanalytics server has no Lua interpreter and does not run this file.
--
-- It reads exactly two numbers from the block below, as data: readahead and
-- net_msg_max. READAHEAD and NET_MSG_MAX in the settings file win over them.
-- Apply changes with: systemctl restart wallarm-tarantool

box.cfg {
    -- Bytes of unanswered requests a connection may have. When the log says
    -- "readahead limit reached", raise it to 1 or 8 MiB:
    -- readahead = 8 * 1024 * 1024,

    -- Unanswered requests a connection may have. When the log says
    -- "net_msg_max limit is reached", raise it:
    -- net_msg_max = 1024,
}
