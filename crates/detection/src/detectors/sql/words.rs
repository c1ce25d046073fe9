//! The words of SQL that the grammar knows.

/// A word with a meaning in the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    All,
    Alter,
    And,
    As,
    Asc,
    Attach,
    Backup,
    Begin,
    Between,
    Binary,
    By,
    Call,
    Case,
    Collate,
    Copy,
    Create,
    Declare,
    Delay,
    Delete,
    Desc,
    Distinct,
    Div,
    Do,
    Drop,
    Else,
    End,
    Exec,
    Exists,
    From,
    Grant,
    Group,
    Having,
    If,
    In,
    Infile,
    Insert,
    Interval,
    Into,
    Is,
    Like,
    Limit,
    Load,
    Merge,
    Not,
    Null,
    Object,
    Offset,
    On,
    Or,
    Order,
    Procedure,
    Replace,
    Select,
    Set,
    Show,
    Shutdown,
    Then,
    Top,
    Truncate,
    Union,
    Update,
    Use,
    Using,
    Values,
    Waitfor,
    When,
    Where,
    With,
    Xor,
}

/// The longest word below.
const LONGEST: usize = 18;

/// The word in lower case, or nothing when it is longer than any that has a meaning.
fn lower<'b>(word: &[u8], buffer: &'b mut [u8; LONGEST]) -> Option<&'b [u8]> {
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// The meaning of a word.
pub fn keyword(word: &[u8]) -> Option<Key> {
    let mut buffer = [0; LONGEST];
    Some(match lower(word, &mut buffer)? {
        b"all" => Key::All,
        b"alter" => Key::Alter,
        b"and" => Key::And,
        b"as" => Key::As,
        b"asc" => Key::Asc,
        b"attach" => Key::Attach,
        b"backup" => Key::Backup,
        b"begin" => Key::Begin,
        b"between" => Key::Between,
        b"binary" => Key::Binary,
        b"by" => Key::By,
        b"call" => Key::Call,
        b"case" => Key::Case,
        b"collate" => Key::Collate,
        b"copy" => Key::Copy,
        b"create" => Key::Create,
        b"declare" => Key::Declare,
        b"delay" => Key::Delay,
        b"delete" => Key::Delete,
        b"desc" => Key::Desc,
        b"distinct" | b"distinctrow" => Key::Distinct,
        b"div" | b"mod" => Key::Div,
        b"do" => Key::Do,
        b"drop" => Key::Drop,
        b"else" => Key::Else,
        b"end" => Key::End,
        b"exec" | b"execute" => Key::Exec,
        b"exists" => Key::Exists,
        b"from" => Key::From,
        b"grant" => Key::Grant,
        b"group" => Key::Group,
        b"having" => Key::Having,
        b"if" => Key::If,
        b"in" => Key::In,
        b"infile" | b"outfile" | b"dumpfile" => Key::Infile,
        b"insert" => Key::Insert,
        b"interval" => Key::Interval,
        b"into" => Key::Into,
        b"is" => Key::Is,
        b"like" | b"ilike" | b"rlike" | b"regexp" | b"glob" | b"similar" => Key::Like,
        b"limit" => Key::Limit,
        b"load" => Key::Load,
        b"merge" => Key::Merge,
        b"not" => Key::Not,
        b"null" | b"true" | b"false" => Key::Null,
        b"table" | b"database" | b"databases" | b"tables" | b"schema" | b"view" | b"function" | b"trigger"
        | b"index" | b"user" | b"login" | b"role" | b"columns" => Key::Object,
        b"offset" => Key::Offset,
        b"on" => Key::On,
        b"or" => Key::Or,
        b"order" => Key::Order,
        b"procedure" => Key::Procedure,
        b"replace" => Key::Replace,
        b"select" => Key::Select,
        b"set" => Key::Set,
        b"show" => Key::Show,
        b"shutdown" => Key::Shutdown,
        b"then" => Key::Then,
        b"top" => Key::Top,
        b"truncate" => Key::Truncate,
        b"union" | b"intersect" | b"except" | b"minus" => Key::Union,
        b"update" => Key::Update,
        b"use" => Key::Use,
        b"using" => Key::Using,
        b"values" | b"value" => Key::Values,
        b"waitfor" => Key::Waitfor,
        b"when" => Key::When,
        b"where" => Key::Where,
        b"with" => Key::With,
        b"xor" => Key::Xor,
        _ => return None,
    })
}

/// How much the call of a function says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Nobody knows it.
    Unknown,
    /// It is one of SQL's, and may be something else, too.
    Known,
    /// It tells something of the server, which no application asks a client for.
    Telling,
    /// It waits, reads files, runs commands or makes errors that speak.
    Dangerous,
}

/// How much the call of the function with this name says.
pub fn function(name: &[u8]) -> Function {
    let mut buffer = [0; LONGEST];
    let dotted = name.iter().rposition(|byte| *byte == b'.').and_then(|dot| name.split_at_checked(dot));
    if let Some((package, _)) = dotted {
        return match lower(package, &mut buffer) {
            Some(
                b"utl_http" | b"utl_inaddr" | b"utl_file" | b"dbms_pipe" | b"dbms_lock" | b"dbms_ldap" | b"dbms_xmlgen"
                | b"ctxsys.drithsx" | b"dbms_java" | b"dbms_session" | b"sys.dbms_lock",
            ) => Function::Dangerous,
            _ => Function::Unknown,
        };
    }
    match lower(name, &mut buffer) {
        Some(
            b"sleep" | b"benchmark" | b"pg_sleep" | b"extractvalue" | b"updatexml" | b"load_file" | b"xp_cmdshell"
            | b"xp_dirtree" | b"xp_regread" | b"sp_executesql" | b"sp_oacreate" | b"pg_read_file" | b"pg_ls_dir"
            | b"lo_import" | b"lo_export" | b"query_to_xml" | b"randomblob" | b"load_extension" | b"gtid_subset"
            | b"httpuritype" | b"openrowset" | b"opendatasource" | b"sys_eval" | b"sys_exec" | b"name_const"
            | b"xmltype" | b"fn_xe_file_target" | b"readfile" | b"dblink" | b"writefile",
        ) => Function::Dangerous,
        Some(
            b"version" | b"database" | b"current_user" | b"session_user" | b"system_user" | b"user" | b"schema"
            | b"sqlite_version" | b"db_name" | b"user_name" | b"host_name" | b"current_database" | b"current_setting"
            | b"suser_name" | b"is_srvrolemember" | b"sys_context",
        ) => Function::Telling,
        Some(
            b"abs"
            | b"analyse"
            | b"ascii"
            | b"avg"
            | b"bin"
            | b"bit_length"
            | b"cast"
            | b"ceil"
            | b"char"
            | b"char_length"
            | b"character_length"
            | b"chr"
            | b"coalesce"
            | b"concat"
            | b"concat_ws"
            | b"conv"
            | b"convert"
            | b"count"
            | b"elt"
            | b"exists"
            | b"exp"
            | b"field"
            | b"floor"
            | b"greatest"
            | b"group_concat"
            | b"hex"
            | b"if"
            | b"ifnull"
            | b"iif"
            | b"instr"
            | b"isnull"
            | b"json_extract"
            | b"least"
            | b"left"
            | b"len"
            | b"length"
            | b"like"
            | b"locate"
            | b"lower"
            | b"lpad"
            | b"ltrim"
            | b"make_set"
            | b"max"
            | b"md5"
            | b"mid"
            | b"min"
            | b"now"
            | b"nullif"
            | b"nvl"
            | b"oct"
            | b"ord"
            | b"polygon"
            | b"position"
            | b"pow"
            | b"quote"
            | b"rand"
            | b"random"
            | b"repeat"
            | b"replace"
            | b"reverse"
            | b"right"
            | b"round"
            | b"row"
            | b"row_count"
            | b"rpad"
            | b"rtrim"
            | b"sha1"
            | b"sign"
            | b"soundex"
            | b"space"
            | b"sqrt"
            | b"strcmp"
            | b"string_agg"
            | b"substr"
            | b"substring"
            | b"substring_index"
            | b"sum"
            | b"to_char"
            | b"to_number"
            | b"trim"
            | b"unhex"
            | b"unicode"
            | b"upper"
            | b"uuid"
            | b"multipoint"
            | b"linestring"
            | b"geometrycollection"
            | b"generate_series"
            | b"nchar",
        ) => Function::Known,
        _ => Function::Unknown,
    }
}

/// Words that stand between `select` and `from` in English more often than in SQL.
pub fn is_english_choice(name: &[u8]) -> bool {
    const WORDS: [&[u8]; 14] = [
        b"one",
        b"any",
        b"all",
        b"item",
        b"items",
        b"option",
        b"options",
        b"something",
        b"anything",
        b"some",
        b"both",
        b"more",
        b"several",
        b"products",
    ];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case() {
        assert_eq!(keyword(b"UnIoN"), Some(Key::Union));
        assert_eq!(keyword(b"reunion"), None);
        assert_eq!(function(b"SLEEP"), Function::Dangerous);
        assert_eq!(function(b"utl_http.request"), Function::Dangerous);
        assert_eq!(function(b"foo"), Function::Unknown);
    }
}
