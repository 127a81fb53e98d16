# shellcheck shell=sh
#
# Reading files in the style of rc.conf, without running them: a file of the
# site sets its keys and can do nothing else.  A line is
#
#	key=bare  key='anything but quotes'  key="anything but \" $ \` \\"
#
# with an optional comment; docs/site.md has the rules, and doit site-check
# keeps to the same ones.  Needs lib.sh.

# Ranges such as a-z mean ASCII, and nothing but it.
LC_ALL=C
export LC_ALL

# load_conf FILE KEY... -- sets conf_KEY for every key, to '' where the file
# does not set it.  Tells every bad line, and fails after the last.
load_conf()
{
	_file=$1
	shift
	_keys=" $* " _seen=' ' _number=0 _status=0
	for _key; do
		eval "conf_$_key=''"
	done
	[ -f "$_file" ] || {
		say "$_file: there is no such file."
		return 1
	}
	is_clean "$_file" || {
		say "$_file: has control characters; save it with Unix line ends."
		return 1
	}
	while IFS= read -r _line || [ -n "$_line" ]; do
		_number=$((_number + 1)) _why=''
		take_line "$_line" || {
			say "$_file:$_number: ${_why:-not understood}."
			_status=1
		}
	done <"$_file"
	return $_status
}

# is_clean FILE -- has it no control characters but tabs?  A shell passes over
# the byte 0 without a word, so that is asked before it reads.
is_clean()
{
	[ -z "$(tr -d '\011\012\040-\176\200-\377' <"$1" |
	    tr '\000-\177' '[x*]')" ]
}

# take_line LINE -- sets conf_KEY, or _why it cannot
take_line()
{
	split_line "$1" || return 1
	[ -n "$_key" ] || return 0
	case $_keys in
	*" $_key "*)	;;
	*)	_why="$_key: unknown key"
		return 1 ;;
	esac
	case $_seen in
	*" $_key "*)
		_why="$_key: set twice"
		return 1 ;;
	esac
	_seen="$_seen$_key "
	eval "conf_$_key=\$_value"
}

# split_line LINE -- into _key and _value; both are empty where it sets nothing
split_line()
{
	_key='' _value=''
	without_blanks "$1"
	case $_rest in
	'' | \#*)	return 0 ;;
	[a-z]*=*)	;;
	*)	return 1 ;;
	esac
	_key=${_rest%%=*} _rest=${_rest#*=}
	case $_key in
	*[!a-z0-9_]*)	return 1 ;;
	esac
	take_value || return 1
	case $_rest in
	'' | [\ \	]*)	without_blanks "$_rest" ;;
	*)	return 1 ;;
	esac
	case $_rest in
	'' | \#*)	return 0 ;;
	*)	return 1 ;;
	esac
}

# take_value -- from the beginning of _rest into _value
take_value()
{
	case $_rest in
	\'*\'*)	_rest=${_rest#?}
		_value=${_rest%%\'*} _rest=${_rest#*\'} ;;
	\"*\"*)	_rest=${_rest#?}
		_value=${_rest%%\"*} _rest=${_rest#*\"}
		case $_value in
		*[\$\`\\]*)	return 1 ;;
		esac ;;
	*)	_value=${_rest%%[!A-Za-z0-9._/:,@%+=-]*}
		_rest=${_rest#"$_value"} ;;
	esac
	case $_value in
	*[!\	\ -~]*)	return 1 ;;
	esac
}

# without_blanks TEXT -- sets _rest: the text without blanks at its beginning
without_blanks()
{
	_rest=${1#"${1%%[!\ \	]*}"}
}
