internal import SluiceCore

/// A mapping in a recipe, whose keys are taken one by one; what is left over at the end is an error.
///
/// Keys may be written with `-` or `_` between their words: `pruning-rate` and `pruning_rate`.
public struct RecipeMap {
  /// The keys that lead to the mapping.
  public let path: String
  /// Where it stands.
  public let place: RecipePlace
  private var entries: [(name: String, key: RecipeNode, value: RecipeNode)]
  private var known: [String] = []

  /// Opens a mapping; nothing counts as an empty one.
  ///
  /// - Parameter field: The value.
  /// - Throws: `RecipeError` if it is none.
  public init(_ field: RecipeField) throws(RecipeError) {
    path = field.path
    place = field.place
    entries = []
    if field.isNothing { return }
    guard case .map(let pairs) = field.node.content else {
      throw field.error("a mapping of keys to values is expected, found \(field.node.kindName)")
    }
    for (key, value) in pairs {
      guard case .scalar(let text, _) = key.content else { continue }
      let name = RecipeMap.canonical(text)
      if let twin = entries.first(where: { $0.name == name && RecipeMap.text($0.key) != text }) {
        throw RecipeError(
          key.place,
          "the key \(text.quotedForMessage) is given twice, first as "
            + "\(RecipeMap.text(twin.key).quotedForMessage) in line \(twin.key.place.line)")
      }
      entries.append((name, key, value))
    }
  }

  /// A mapping without keys, for stages written as a single word.
  init(emptyAt place: RecipePlace, path: String) {
    self.place = place
    self.path = path
    entries = []
  }

  private static func canonical(_ text: String) -> String {
    String(text.map { $0 == "_" ? "-" : $0 })
  }

  private static func text(_ node: RecipeNode) -> String {
    if case .scalar(let text, _) = node.content { text } else { "" }
  }

  /// Takes the value of a key.
  ///
  /// - Parameter key: The key, with `-` between words.
  /// - Returns: The value, or nil if the key is not there.
  public mutating func take(_ key: String) -> RecipeField? {
    known.append(key)
    let name = RecipeMap.canonical(key)
    guard let index = entries.firstIndex(where: { $0.name == name }) else { return nil }
    return field(entries.remove(at: index))
  }

  /// Takes the value behind a name of the user's, written exactly so.
  mutating func take(name: String) -> RecipeField? {
    known.append(name)
    guard let index = entries.firstIndex(where: { RecipeMap.text($0.key) == name }) else {
      return nil
    }
    return field(entries.remove(at: index))
  }

  /// Looks at the value of a key and leaves it there.
  func peek(_ key: String) -> RecipeField? {
    entries.first { $0.name == RecipeMap.canonical(key) }.map(field)
  }

  /// Takes the value of a key that must be there.
  ///
  /// - Parameter key: The key.
  /// - Returns: The value.
  /// - Throws: `RecipeError` if the key is not there.
  public mutating func require(_ key: String) throws(RecipeError) -> RecipeField {
    if let field = take(key) { return field }
    if let near = ClosestWord.to(key, among: entries.map(\.name)),
      let entry = entries.first(where: { $0.name == near })
    {
      throw RecipeError(
        entry.key.place, "\(joined(RecipeMap.text(entry.key))): there is no such key",
        remedy: "Did you mean \(key)?")
    }
    throw RecipeError(place, "\(path.isEmpty ? "" : "\(path): ")the key \(key) is missing")
  }

  /// Takes all that is left, in order: for mappings whose keys are names.
  ///
  /// - Returns: The names as they are written, with their values.
  /// - Throws: `RecipeError` for a name that some readers of YAML take for something else.
  public mutating func takeNames() throws(RecipeError) -> [(name: String, value: RecipeField)] {
    var names: [(name: String, value: RecipeField)] = []
    for entry in entries {
      let name = try RecipeField(node: entry.key, path: path).text()
      names.append((name, RecipeField(node: entry.value, path: joined(name))))
    }
    entries = []
    return names
  }

  /// The single key of a mapping with exactly one.
  func onlyKey() throws(RecipeError) -> (name: String, field: RecipeField) {
    guard entries.count == 1, let entry = entries.first else {
      throw RecipeError(
        place, "\(path): one stage is expected here, found \(entries.count) keys",
        remedy: "Begin each stage with a dash of its own, and indent its keys below its name.")
    }
    return (entry.name, field(entry))
  }

  /// Refuses what has not been taken.
  ///
  /// - Parameter reasons: What to say about keys that people know from elsewhere.
  /// - Throws: `RecipeError` for the first key that nobody knows.
  public func finish(reasons: [String: String] = [:]) throws(RecipeError) {
    guard let entry = entries.first else { return }
    if let reason = reasons[entry.name] {
      throw RecipeError(entry.key.place, "\(joined(RecipeMap.text(entry.key))): \(reason)")
    }
    throw RecipeError(
      entry.key.place, "\(joined(RecipeMap.text(entry.key).printable)): there is no such key",
      remedy: ClosestWord.remedy(for: entry.name, among: known))
  }

  private func field(_ entry: (name: String, key: RecipeNode, value: RecipeNode)) -> RecipeField {
    RecipeField(node: entry.value, path: joined(RecipeMap.text(entry.key)))
  }

  private func joined(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
