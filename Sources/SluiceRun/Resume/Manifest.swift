package import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// What a run is: everything that decides about its bytes, as names with values.
///
/// Two attempts belong to the same run if all facts agree; if not, the first that differ say why
/// going on would be wrong. Notes are for people and for `sluice status`; nobody compares them.
package struct Manifest: Sendable, Hashable {
  /// The version of the file format.
  package static let version = 1
  /// What the file says that it is.
  static let format = "sluice-manifest"

  /// A name with a value.
  package struct Entry: Sendable, Hashable {
    /// The name: words with dots between them.
    package let name: String
    /// The value.
    package let value: String
  }

  /// What must be the same in all attempts, in order.
  package internal(set) var facts: [Entry] = []
  /// What is good to know.
  package internal(set) var notes: [Entry] = []

  /// Where input files lay, and what is known of them there; see ``InputPlace``.
  package internal(set) var places: [Entry] = []

  /// Starts without facts.
  package init() {}

  /// Adds a fact.
  package mutating func add(fact name: String, _ value: String) {
    facts.append(Entry(name: name, value: value))
  }

  /// Adds a note.
  package mutating func add(note name: String, _ value: String) {
    notes.append(Entry(name: name, value: value))
  }

  /// The value of a fact.
  package func fact(_ name: String) -> String? { facts.first { $0.name == name }?.value }

  /// The value of a note.
  package func note(_ name: String) -> String? { notes.first { $0.name == name }?.value }

  /// A hash of all facts: the same for the same run.
  ///
  /// XXH3-128 of the facts as UTF-8, each as its name, a NUL, its value, and a NUL.
  package var identity: Hash128 {
    Hash128(of: facts.lazy.flatMap { [$0.name, $0.value] })
  }

  /// Where another manifest disagrees.
  ///
  /// - Parameter other: The other manifest.
  /// - Returns: The names of facts that differ or that only one has, with both values; those of this
  ///   manifest first.
  func differences(
    from other: Manifest
  ) -> [(name: String, mine: String?, other: String?)] {
    // A name may occur twice: models and files can be called so that theirs run together.
    let mine = Dictionary(grouping: facts, by: \.name)
    let theirs = Dictionary(grouping: other.facts, by: \.name)
    var seen: Set<String> = []
    func text(_ entries: [Entry]?) -> String? {
      entries.map { $0.map(\.value).joined(separator: ", ") }
    }
    return (facts + other.facts).filter { entry in
      seen.insert(entry.name).inserted && mine[entry.name] != theirs[entry.name]
    }.map { ($0.name, text(mine[$0.name]), text(theirs[$0.name])) }
  }
}
