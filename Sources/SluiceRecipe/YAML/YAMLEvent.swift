internal import CLibYAML
internal import SluiceCore

/// One event of the parser, copied out of its memory.
struct YAMLEvent {
  enum Kind {
    case streamStart, streamEnd, documentStart, documentEnd, scalar, alias
    case listStart, listEnd, mapStart, mapEnd
  }

  let kind: Kind
  let place: RecipePlace
  var text = ""
  var isPlain = false
  var anchor: String?
  var tag: String?

  /// Copies an event.
  init(_ event: yaml_event_t, file: String) {
    let mark = unsafe event.start_mark
    place = RecipePlace(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1)
    // SAFETY: the parser filled the member of the union that the type names.
    switch unsafe event.type {
    case YAML_STREAM_START_EVENT: kind = .streamStart
    case YAML_DOCUMENT_START_EVENT: kind = .documentStart
    case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
    case YAML_ALIAS_EVENT:
      kind = .alias
      text = unsafe YAMLEvent.string(event.data.alias.anchor) ?? ""
    case YAML_SCALAR_EVENT:
      kind = .scalar
      let scalar = unsafe event.data.scalar
      text = unsafe String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
      anchor = unsafe YAMLEvent.string(scalar.anchor)
      tag = unsafe YAMLEvent.string(scalar.tag)
    case YAML_SEQUENCE_START_EVENT:
      kind = .listStart
      anchor = unsafe YAMLEvent.string(event.data.sequence_start.anchor)
      tag = unsafe YAMLEvent.string(event.data.sequence_start.tag)
    case YAML_SEQUENCE_END_EVENT: kind = .listEnd
    case YAML_MAPPING_START_EVENT:
      kind = .mapStart
      anchor = unsafe YAMLEvent.string(event.data.mapping_start.anchor)
      tag = unsafe YAMLEvent.string(event.data.mapping_start.tag)
    case YAML_MAPPING_END_EVENT: kind = .mapEnd
    default: kind = .streamEnd
    }
  }

  /// The tags that every reader of YAML knows, by the kinds of nodes that they are for.
  private static let tags: [(name: String, isOf: Kind)] = [
    ("str", .scalar), ("int", .scalar), ("float", .scalar), ("bool", .scalar), ("null", .scalar),
    ("seq", .listStart), ("map", .mapStart),
  ]

  /// What a node is said to be, if it is said.
  ///
  /// - Returns: `str`, `int`, `float`, `bool`, `null`, `seq` or `map`; nil without a tag.
  /// - Throws: `RecipeError` for a tag of a program's own, or of another kind of node.
  func standardTag() throws(RecipeError) -> String? {
    guard let tag else { return nil }
    let standard = "tag:yaml.org,2002:"
    var short = tag == "!" && kind == .scalar ? "str" : tag
    if short.hasPrefix(standard) { short = String(short.dropFirst(standard.count)) }
    if YAMLEvent.tags.contains(where: { $0.name == short && $0.isOf == kind }) { return short }
    throw RecipeError(
      place, "the tag \(tag.printable) is not read here",
      remedy: "Remove the tag; each key knows the type of its value.")
  }

  private static func string(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    unsafe bytes.map { unsafe String(cString: $0) }
  }
}
