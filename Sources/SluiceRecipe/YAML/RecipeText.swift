internal import CLibYAML
internal import SluiceCore
internal import SluiceFormats

/// Reads YAML, and JSON with it, into nodes, and refuses what a recipe has no use for.
///
/// That is: tags of programs' own, several documents, keys that are no single words, keys given twice, and
/// too much of anything. Aliases and merge keys are replaced by what they stand for, within a budget.
@safe struct RecipeText: ~Copyable {
  /// The most bytes of a recipe.
  static let byteLimit = 1 << 20
  /// How many lists and mappings may lie in each other.
  static let depthLimit = 32

  private let file: String
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var anchors = RecipeAnchors()

  /// Reads a file.
  static func read(file: String) throws -> RecipeNode {
    let input = try InputFile.open(file)
    guard input.byteCount <= byteLimit else {
      throw RecipeError.usage(
        "the recipe has \(ByteCount(input.byteCount)); at most 1 MiB is read", file: file)
    }
    return try parse(try input.bytes(in: 0..<input.byteCount), file: file)
  }

  /// Reads a text.
  static func parse(_ bytes: [UInt8], file: String) throws(RecipeError) -> RecipeNode {
    guard bytes.count <= byteLimit else {
      throw RecipeError.usage("at most 1 MiB of a recipe is read", file: file)
    }
    // SAFETY: the bytes stay where they are while the parser lives: inside the closure.
    let result = unsafe bytes.withUnsafeBufferPointer { text in
      Result { () throws(RecipeError) in
        var reader = try unsafe RecipeText(text, file: file)
        return try reader.document()
      }
    }
    return try result.get()
  }

  private init(_ text: UnsafeBufferPointer<UInt8>, file: String) throws(RecipeError) {
    self.file = file
    unsafe parser = .allocate(capacity: 1)
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      unsafe parser.deallocate()
      throw RecipeError(Failure(.internal, message: "no memory for reading \(file)"))
    }
    unsafe yaml_parser_set_input_string(parser, text.baseAddress, text.count)
    // Whatever the first bytes look like: a recipe is UTF-8.
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
  }

  private mutating func document() throws(RecipeError) -> RecipeNode {
    var event = try next()
    while event.kind == .streamStart || event.kind == .documentStart { event = try next() }
    guard event.kind != .streamEnd else {
      throw RecipeError(event.place, "the recipe is empty")
    }
    let node = try self.node(event, depth: 0)
    guard try next().kind == .documentEnd else {
      throw RecipeError(node.place, "the recipe does not end after its first value")
    }
    let end = try next()
    guard end.kind == .streamEnd else {
      throw RecipeError(
        end.place, "a second document begins; a recipe is one",
        remedy: "Write each into a file of its own, and run one after the other.")
    }
    return node
  }

  private mutating func node(_ event: YAMLEvent, depth: Int) throws(RecipeError) -> RecipeNode {
    if event.kind == .alias { return try anchors.node(event.text, at: event.place, depth: depth) }
    if depth > RecipeText.depthLimit {
      throw RecipeError(event.place, "more than \(RecipeText.depthLimit) levels lie in each other")
    }
    anchors.begin(event.anchor)
    let node = RecipeNode(content: try content(event, depth: depth), place: event.place)
    anchors.end(event.anchor, node)
    return node
  }

  private mutating func content(
    _ event: YAMLEvent, depth: Int
  ) throws(RecipeError) -> RecipeNode.Content {
    let tag = try event.standardTag()
    switch event.kind {
    case .scalar:
      return .scalar(event.text, isPlain: tag.map { $0 != "str" } ?? event.isPlain)
    case .listStart:
      var items: [RecipeNode] = []
      while true {
        let item = try next()
        if item.kind == .listEnd { break }
        items.append(try node(item, depth: depth + 1))
      }
      return .list(items)
    case .mapStart: return .map(try entries(depth: depth))
    default: throw RecipeError(event.place, "a value is missing")
    }
  }

  private mutating func entries(
    depth: Int
  ) throws(RecipeError) -> [(key: RecipeNode, value: RecipeNode)] {
    var entries: [(key: RecipeNode, value: RecipeNode)] = []
    var merged: [(key: RecipeNode, value: RecipeNode)] = []
    var seen: [String: RecipePlace] = [:]
    while true {
      let event = try next()
      if event.kind == .mapEnd { break }
      let key = try node(event, depth: depth + 1)
      guard case .scalar(let text, _) = key.content else {
        throw RecipeError(key.place, "a key must be a single word, not \(key.kindName)")
      }
      if let first = seen.updateValue(key.place, forKey: text) {
        throw RecipeError(
          key.place, "the key \(text.quotedForMessage) is given twice, first in line \(first.line)")
      }
      let value = try node(try next(), depth: depth + 1)
      if MergeKeys.isOne(key) {
        merged = try MergeKeys.entries(value)
      } else {
        entries.append((key, value))
      }
    }
    // What is written here counts, then what was merged first.
    for entry in merged {
      guard case .scalar(let text, _) = entry.key.content, seen[text] == nil else { continue }
      seen[text] = entry.key.place
      entries.append(entry)
    }
    return entries
  }

  private mutating func next() throws(RecipeError) -> YAMLEvent {
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
    defer { unsafe yaml_event_delete(&event) }
    return unsafe YAMLEvent(event, file: file)
  }

  private func syntaxError() -> RecipeError {
    let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "not YAML"
    let mark = unsafe parser.pointee.problem_mark
    return RecipeError(
      RecipePlace(file: file, line: Int(mark.line) + 1, column: Int(mark.column) + 1),
      "this is not YAML: \(problem.printable)")
  }
}
