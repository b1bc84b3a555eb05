// Where go-jsonnet's standard library, which users know, does otherwise than the evaluator's own (`old`).
//
// What is written here calls `old` for all that is the same. What needs text or bytes to the letter is native, see
// `natives.rs`.
function(old)
  local native(name) = old.native('windlass:' + name);
  local identity(x) = x;
  local chars(x) = if old.isString(x) then old.stringChars(x) else x;
  local whole(n) = old.isNumber(n) && old.floor(n) == n;
  local truncate(x) = if x < 0 then old.ceil(x) else old.floor(x);
  local toString = native('toString');
  local wanted(kind, x, name) =
    if old.type(x) == kind then x else error '`std.%s` takes a %s, not a %s' % [name, kind, old.type(x)];
  // A set of characters may be an array.
  local charset(x) =
    if old.isArray(x) then old.join('', [c for c in x if old.isString(c) && old.length(c) == 1]) else x;

  old {
    // Parameters that have another name.
    find(value, arr):: old.find(value, arr),
    sum(arr):: old.sum(arr),
    avg(arr):: old.avg(arr),
    objectHasEx(obj, fname, hidden):: old.objectHasEx(obj, fname, hidden),
    objectFieldsEx(obj, hidden):: old.objectFieldsEx(obj, hidden),

    // Types that are taken or refused.
    isEmpty(str):: old.isEmpty(wanted('string', str, 'isEmpty')),
    xor(x, y):: wanted('boolean', x, 'xor') != wanted('boolean', y, 'xor'),
    xnor(x, y):: wanted('boolean', x, 'xnor') == wanted('boolean', y, 'xnor'),
    clamp(x, minVal, maxVal):: if x < minVal then minVal else if x > maxVal then maxVal else x,
    reverse(arr):: old.reverse(wanted('array', arr, 'reverse')),
    foldl(func, arr, init):: old.foldl(func, chars(arr), init),
    foldr(func, arr, init):: old.foldr(func, chars(arr), init),
    uniq(arr, keyF=identity):: old.uniq(chars(arr), keyF),
    setInter(a, b, keyF=identity):: old.setInter(chars(a), chars(b), keyF),
    setDiff(a, b, keyF=identity):: old.setDiff(chars(a), chars(b), keyF),
    setMember(x, arr, keyF=identity):: old.setMember(x, chars(arr), keyF),
    stripChars(str, chars):: old.stripChars(str, charset(chars)),
    lstripChars(str, chars):: old.lstripChars(str, charset(chars)),
    rstripChars(str, chars):: old.rstripChars(str, charset(chars)),
    makeArray(sz, func):: old.makeArray(if whole(sz) then old.max(sz, 0) else sz, func),
    repeat(what, count):: old.repeat(what, if whole(count) then old.max(count, 0) else count),
    removeAt(arr, i)::
      if whole(i) && i >= 0 && i < old.length(arr) then old.removeAt(arr, i)
      else error '`std.removeAt`: there is no element %s' % [i],
    flattenArrays(arrs)::
      if old.isArray(arrs) && !old.all([old.isArray(a) for a in arrs]) then old.foldl(function(a, b) a + b, arrs, [])
      else old.flattenArrays(arrs),
    flatMap(func, arr)::
      local checked(c) = wanted('string', func(c), 'flatMap');
      old.flatMap(if old.isString(arr) && old.isFunction(func) then checked else func, arr),

    // A function is called with what it says it takes, not with what it uses.
    map(func, arr)::
      if old.isFunction(func) && (old.isArray(arr) || old.isString(arr)) then
        old.makeArray(old.length(arr), function(i) func(arr[i]))
      else old.map(func, arr),
    mapWithIndex(func, arr)::
      if old.isFunction(func) && (old.isArray(arr) || old.isString(arr)) then
        old.makeArray(old.length(arr), function(i) func(i, arr[i]))
      else old.mapWithIndex(func, arr),
    mapWithKey(func, obj)::
      if old.isFunction(func) && old.isObject(obj) then { [k]: func(k, obj[k]) for k in old.objectFields(obj) }
      else old.mapWithKey(func, obj),

    // Numbers.
    round(x)::
      local size = old.abs(x), down = old.floor(size), rounded = if size - down >= 0.5 then down + 1 else down;
      if x == 0 then x else if x < 0 then -rounded else rounded,
    isEven(x):: truncate(x) % 2 == 0,
    isOdd(x):: truncate(x) % 2 != 0,
    isInteger(x):: truncate(x) == x,
    isDecimal(x):: truncate(x) != x,
    deg2rad(x):: wanted('number', x, 'deg2rad') * old.pi / 180,
    rad2deg(x):: wanted('number', x, 'rad2deg') * 180 / old.pi,
    log2(x):: old.log(x) / old.log(2),
    log10(x):: old.log(x) / old.log(10),
    hypot(x, y)::
      local a = old.abs(x), b = old.abs(y), large = old.max(a, b), ratio = old.min(a, b) / large;
      if large == 0 then 0 else large * old.sqrt(1 + ratio * ratio),
    parseInt(str)::
      local signed = old.isString(str) && old.startsWith(str, '+');
      local number = old.parseInt(if signed && !old.startsWith(str, '+-') then str[1:] else str);
      if old.abs(number) <= 9223372036854775807 then number
      else error '`%s` is no integer of 64 bits' % [str],
    parseHex(str)::
      local digit(c) = local p = old.codepoint(c); if p >= 97 then p - 87 else if p >= 65 then p - 55 else p - 48;
      local add(sum, c) =
        local d = digit(c);
        if d >= 0 && d < 16 then 16 * sum + d else error '`%s` is no hexadecimal number' % [str];
      if old.length(wanted('string', str, 'parseHex')) == 0 then error 'an empty text is no hexadecimal number'
      else old.foldl(add, old.stringChars(str), 0),

    // Bytes and characters.
    base64(input)::
      local inByte(n) = whole(n) && n >= 0 && n < 256;
      local codes = if old.isString(input) then old.map(old.codepoint, input) else wanted('array', input, 'base64');
      if !old.all([inByte(n) for n in codes]) then
        error '`std.base64` takes whole numbers and characters from 0 to 255'
      else old.base64(if old.isString(input) then old.encodeUTF8(input) else input),
    base64Decode(str):: native('decode')(old.base64DecodeBytes(str)),
    decodeUTF8(arr):: native('decode')(arr),
    char(n):: if old.isNumber(n) && n >= 55296 && n < 57344 then '\ufffd' else old.char(n),
    equalsIgnoreCase(str1, str2)::
      native('equalFold')(wanted('string', str1, 'equalsIgnoreCase'), wanted('string', str2, 'equalsIgnoreCase')),
    strReplace(str, from, to)::
      if from == '' then error '`std.strReplace` replaces no empty text' else old.strReplace(str, from, to),

    parseYaml(str):: native('parseYaml')(str),
    id(x):: x,

    // Values as text.
    toString(a):: if old.isString(a) then a else toString(a),
    escapeStringBash(str_):: old.escapeStringBash(self.toString(str_)),
    escapeStringDollars(str_):: old.escapeStringDollars(self.toString(str_)),
    escapeStringJson(str_):: old.escapeStringJson(self.toString(str_)),
    escapeStringPython(str):: old.escapeStringPython(self.toString(str)),
    escapeStringXML(str_):: old.escapeStringXML(self.toString(str_)),
    manifestJsonEx(value, indent, newline='\n', key_val_sep=': ')::
      native('manifestJsonEx')(value, indent, newline, key_val_sep),
    manifestYamlDoc(value, indent_array_in_object=false, quote_keys=true)::
      native('manifestYamlDoc')(value, indent_array_in_object, quote_keys),
    manifestYamlStream(value, indent_array_in_object=false, c_document_end=true, quote_keys=true)::
      local documents = [
        self.manifestYamlDoc(e, indent_array_in_object, quote_keys)
        for e in wanted('array', value, 'manifestYamlStream')
      ];
      '---\n' + old.join('\n---\n', documents) + if c_document_end then '\n...\n' else '\n',
    manifestTomlEx(value, indent):: native('manifestTomlEx')(value, indent),
    manifestIni(ini)::
      local text(x) = if old.isArray(x) then [toString(e) for e in x] else toString(x);
      local texts(body) = { [k]: text(body[k]) for k in old.objectFields(body) };
      local fields = if old.objectHas(ini, 'main') then ['main', 'sections'] else ['sections'];
      local of(k) = if k == 'main' then texts(ini.main) else old.mapWithKey(function(_, body) texts(body), ini.sections);
      old.manifestIni({ [k]: of(k) for k in fields }),
    manifestPython(v)::
      if old.isNumber(v) then toString(v)
      else if old.isArray(v) then '[%s]' % [old.join(', ', [self.manifestPython(e) for e in v])]
      else if old.isObject(v) then
        local field(k) = '%s: %s' % [old.escapeStringPython(k), self.manifestPython(v[k])];
        '{%s}' % [old.join(', ', [field(k) for k in old.objectFields(v)])]
      else old.manifestPython(v),
    manifestPythonVars(conf)::
      old.join('\n', ['%s = %s' % [k, self.manifestPython(conf[k])] for k in old.objectFields(conf)] + ['']),
    manifestXmlJsonml(value)::
      local attribute(_, x) = toString(x);
      local item(x) = if old.isArray(x) then element(x) else x,
            element(x) = [if old.isObject(e) then old.mapWithKey(attribute, e) else item(e) for e in x];
      old.manifestXmlJsonml(item(value)),
  }
