internal import SluiceCore

/// A mapping in a recipe, whose keys are taken one by one; what is left over at the end is an error.
///
/// Keys may be written with `-` or `_` between their words: `pruning-rate` and `pruning_rate`.
public struct RecipeMap {
  /// The keys that lead to the mapping.
  public let path: String
  /// Where it stands.
  public let place: RecipePlace
  /// The keys in order; nil where one has been taken.
  private var entries: [Entry?] = []
  /// Where they stand, by canonical name.
  private var positions: [String: Int] = [:]
  private var known: [String] = []

  private struct Entry {
    let name: String
    let key: RecipeNode
    let value: RecipeNode
  }

  /// Opens a mapping; nothing counts as an empty one.
  ///
  /// - Parameter field: The value.
  /// - Throws: `RecipeError` if it is none.
  public init(_ field: RecipeField) throws(RecipeError) {
    path = field.path
    place = field.place
    if field.isNothing { return }
    guard case .map(let pairs) = field.node.content else {
      throw field.error("a mapping of keys to values is expected, found \(field.node.kindName)")
    }
    for (key, value) in pairs {
      guard case .scalar(let text, _) = key.content else { continue }
      let name = RecipeMap.canonical(text)
      if let first = positions.updateValue(entries.count, forKey: name), let twin = entries[first] {
        throw RecipeError(
          key.place,
          "the key \(text.quotedForMessage) is given twice, first as "
            + "\(RecipeMap.text(twin.key).quotedForMessage) in line \(twin.key.place.line)")
      }
      entries.append(Entry(name: name, key: key, value: value))
    }
  }

  /// A mapping without keys, for stages written as a single word.
  init(emptyAt place: RecipePlace, path: String) {
    self.place = place
    self.path = path
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
    return remove(RecipeMap.canonical(key)).map(field)
  }

  /// Takes the value after a name of the user's, written exactly so.
  mutating func take(name: String) -> RecipeField? {
    known.append(name)
    let canonical = RecipeMap.canonical(name)
    guard let entry = entry(canonical), RecipeMap.text(entry.key) == name else { return nil }
    return remove(canonical).map(field)
  }

  /// Looks at the value of a key and leaves it there.
  func peek(_ key: String) -> RecipeField? {
    entry(RecipeMap.canonical(key)).map(field)
  }

  private func entry(_ canonical: String) -> Entry? { positions[canonical].flatMap { entries[$0] } }

  private mutating func remove(_ canonical: String) -> Entry? {
    guard let position = positions.removeValue(forKey: canonical) else { return nil }
    defer { entries[position] = nil }
    return entries[position]
  }

  /// What has not been taken, in order.
  private var rest: some Sequence<Entry> { entries.lazy.compactMap(\.self) }

  /// Takes the value of a key that must be there.
  ///
  /// - Parameter key: The key.
  /// - Returns: The value.
  /// - Throws: `RecipeError` if the key is not there.
  public mutating func require(_ key: String) throws(RecipeError) -> RecipeField {
    if let field = take(key) { return field }
    if let near = ClosestWord.to(key, among: rest.map(\.name)), let entry = entry(near) {
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
    for entry in rest {
      let name = try RecipeField(node: entry.key, path: path).text()
      names.append((name, RecipeField(node: entry.value, path: joined(name))))
    }
    (entries, positions) = ([], [:])
    return names
  }

  /// The single key of a mapping with exactly one.
  func onlyKey() throws(RecipeError) -> (name: String, field: RecipeField) {
    guard positions.count == 1, let entry = rest.first(where: { _ in true }) else {
      throw RecipeError(
        place, "\(path): one stage is expected here, found \(positions.count) keys",
        remedy: "Begin each stage with a dash of its own, and indent its keys below its name.")
    }
    return (entry.name, field(entry))
  }

  /// Refuses what has not been taken.
  ///
  /// - Parameter reasons: What to say about keys that people know from elsewhere.
  /// - Throws: `RecipeError` for the first key that nobody knows.
  public func finish(reasons: [String: String] = [:]) throws(RecipeError) {
    guard let entry = rest.first(where: { _ in true }) else { return }
    if reasons[entry.name] != nil { try refuse(reasons) }
    throw RecipeError(
      entry.key.place, "\(joined(RecipeMap.text(entry.key).printable)): there is no such key",
      remedy: ClosestWord.remedy(for: entry.name, among: known))
  }

  /// Refuses some of the keys that have not been taken.
  ///
  /// - Parameter reasons: The keys, with `-` between words, and what to say about each.
  /// - Throws: `RecipeError` for the first of them that is there.
  func refuse(_ reasons: [String: String]) throws(RecipeError) {
    guard let entry = rest.first(where: { reasons[$0.name] != nil }) else { return }
    throw RecipeError(
      entry.key.place, "\(joined(RecipeMap.text(entry.key))): \(reasons[entry.name] ?? "")")
  }

  /// Leaves what has not been taken aside, as mergekit does, and says so.
  ///
  /// - Parameters:
  ///   - silent: Keys, with `-` between words, that people write and that need no word.
  ///   - reasons: What to say about keys that people know from elsewhere.
  /// - Returns: A warning for each key.
  func leaveRest(silent: Set<String> = [], reasons: [String: String] = [:]) -> [Warning] {
    let left = rest.filter { !silent.contains($0.name) }
    var warnings = left.prefix(RecipeMap.mostWarnings).map { entry in
      let reason =
        reasons[entry.name] ?? ClosestWord.remedy(for: entry.name, among: known)
      return Warning(
        .ignoredKey, subject: Subject(file: entry.key.place.description),
        message:
          "\(joined(RecipeMap.text(entry.key).printable(limit: 80))): there is no such key, and it "
          + "changes nothing. \(reason)")
    }
    if left.count > warnings.count {
      warnings.append(
        Warning(
          .ignoredKey, subject: Subject(file: place.description),
          message: "\(left.count - warnings.count) more keys of this mapping are not known"))
    }
    return warnings
  }

  /// How many unknown keys of one mapping are named.
  private static let mostWarnings = 20

  private func field(_ entry: Entry) -> RecipeField {
    RecipeField(node: entry.value, path: joined(RecipeMap.text(entry.key)))
  }

  private func joined(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
