# See check_sources.sh. Works on library sources given as room/path/file.

BEGIN {
  knows["base"] = "base"
  knows["autograd"] = "base autograd"
  knows["nn"] = "base autograd nn"
  knows["infer"] = "base autograd nn infer"
  knows["sim"] = "base autograd nn infer sim"
  knows["data"] = "base autograd nn data"
  knows["train"] = "base autograd nn data train"
  knows["datagen"] = "base autograd nn infer sim data datagen"
}

function complain(what) {
  printf "%s:%d: %s\n", FILENAME, FNR, what
  complaints++
}

function first_part(path) {
  sub(/\/.*/, "", path)
  return path
}

# The line without comments and without the content of texts and characters.
function code_of(line,    code, c, next_c, i, n) {
  n = length(line)
  code = ""
  for (i = 1; i <= n; i++) {
    c = substr(line, i, 1)
    next_c = substr(line, i + 1, 1)
    if (in_comment) {
      if (c == "*" && next_c == "/") { in_comment = 0; i++ }
    } else if (quote != "") {
      if (c == "\\") i++
      else if (c == quote) { quote = ""; code = code c }
    } else if (c == "/" && next_c == "*") { in_comment = 1; i++ }
    else if (c == "/" && next_c == "/") break
    else {
      if (c == "\"" || c == "'") quote = c
      code = code c
    }
  }
  return code
}

FNR == 1 {
  in_comment = 0
  room = first_part(FILENAME)
}

{ quote = ""; code = code_of($0) }

code ~ /^[ \t]*#[ \t]*include/ {
  name = $0
  sub(/^[^"<]*["<]/, "", name)
  sub(/[">].*/, "", name)
  other = first_part(name)
  if (other in knows && index(" " knows[room] " ", " " other " ") == 0)
    complain(room " may not know " other " (" name ")")
  if (name ~ /hdf5|^H5/ && room !~ /^(data|datagen|train)$/) complain(room " may not know HDF5 (" name ")")
  next
}

code ~ /(^|[^A-Za-z0-9_])(exit|abort|quick_exit)[ \t]*\(/ { complain("a library may not end the process: " $0) }

# base/command.c prints --help and --version: its header says so.
FILENAME != "base/command.c" && code ~ /(^|[^A-Za-z0-9_])((printf|puts|putchar|vprintf)[ \t]*\(|stdout([^A-Za-z0-9_]|$))/ {
  complain("a library may not write to standard output: " $0)
}

END { exit complaints > 0 }
