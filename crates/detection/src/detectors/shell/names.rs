//! The names of commands, by how much they say.

/// What the name of a command says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// It is no word of any language, and tells something when run alone.
    Telling,
    /// It runs what it is given.
    Interpreter,
    /// It fetches from, or sends to, another machine.
    Network,
    /// It is often run alone, and may be the name of a field.
    Short,
    /// It is as often a word of English.
    Word,
    /// It takes a number.
    Waiting,
}

/// What this name in lower case says, or nothing when it is none of a command.
pub const fn name(word: &[u8]) -> Option<Name> {
    Some(match word {
        b"whoami" | b"uname" | b"ifconfig" | b"ipconfig" | b"netstat" | b"systeminfo" | b"tasklist" | b"printenv"
        | b"lsof" | b"lsb_release" | b"phpinfo" | b"getent" | b"iptables" | b"wmic" | b"schtasks" | b"hostnamectl"
        | b"lscpu" | b"lsblk" | b"dmesg" | b"crontab" | b"whereis" | b"uptime" => Name::Telling,
        b"bash" | b"sh" | b"zsh" | b"ksh" | b"csh" | b"dash" | b"ash" | b"python" | b"python2" | b"python3"
        | b"perl" | b"ruby" | b"php" | b"node" | b"lua" | b"powershell" | b"powershell.exe" | b"pwsh" | b"cmd"
        | b"cmd.exe" | b"busybox" | b"sudo" | b"xargs" | b"cscript" | b"wscript" | b"rundll32" | b"regsvr32"
        | b"mshta" | b"awk" | b"gawk" | b"eval" | b"exec" | b"nohup" | b"setsid" | b"script" | b"vim" | b"expect"
        | b"java" | b"gcc" => Name::Interpreter,
        b"wget" | b"curl" | b"nc" | b"ncat" | b"netcat" | b"nc.exe" | b"telnet" | b"nslookup" | b"dig"
        | b"traceroute" | b"tracert" | b"tftp" | b"ftp" | b"scp" | b"ssh" | b"socat" | b"nmap" | b"certutil"
        | b"bitsadmin" | b"lynx" | b"fetch" | b"rsync" | b"smbclient" | b"ldapsearch" | b"ping" | b"ping6"
        | b"host" | b"arp" | b"rsh" => Name::Network,
        b"id" | b"env" | b"ls" | b"dir" | b"pwd" | b"ps" | b"set" | b"w" | b"who" | b"ver" | b"df" | b"hostname"
        | b"netstat.exe" | b"ll" | b"groups" => Name::Short,
        b"cat" | b"type" | b"more" | b"less" | b"head" | b"tail" | b"tac" | b"nl" | b"sort" | b"find" | b"grep"
        | b"egrep" | b"sed" | b"cp" | b"mv" | b"rm" | b"del" | b"copy" | b"move" | b"touch" | b"mkdir" | b"kill"
        | b"killall" | b"time" | b"top" | b"mount" | b"free" | b"history" | b"net" | b"reg" | b"tree" | b"expr"
        | b"printf" | b"export" | b"test" | b"source" | b"tar" | b"zip" | b"unzip" | b"gzip" | b"base64" | b"tee"
        | b"start" | b"which" | b"cut" | b"tr" | b"wc" | b"route" | b"ip" | b"service" | b"systemctl" | b"apt-get"
        | b"chmod" | b"chown" | b"echo" | b"date" | b"cd" | b"ln" | b"od" | b"xxd" | b"strings" | b"rev"
        | b"useradd" | b"passwd" | b"su" | b"mkfifo" | b"locate" | b"file" | b"stat" | b"dd" | b"diff" | b"openssl"
        | b"icacls" | b"attrib" | b"fc" | b"findstr" | b"erase" | b"rmdir" | b"md" | b"rd" | b"ren" | b"shutdown"
        | b"reboot" | b"unset" | b"alias" => Name::Word,
        b"sleep" | b"timeout" | b"usleep" => Name::Waiting,
        _ => return None,
    })
}
