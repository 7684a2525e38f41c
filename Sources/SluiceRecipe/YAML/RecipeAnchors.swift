internal import SluiceCore

/// The named nodes of a recipe, and how many nodes their names have stood for.
///
/// A name costs as many nodes as it stands for, so that a few lines cannot unfold into a mountain.
struct RecipeAnchors {
  /// The most nodes that aliases and merge keys may add to those that are written.
  static let nodeLimit = 100_000

  private struct Anchor {
    var node: RecipeNode
    var nodeCount: Int
    var height: Int
  }

  private var named: [String: Anchor] = [:]
  private var open: Set<String> = []
  private var added = 0

  /// A node with this name begins; it may not stand for itself before it ends.
  mutating func begin(_ name: String?) {
    if let name { open.insert(name) }
  }

  /// The node with this name has been read; a name that is given again means the later node.
  mutating func end(_ name: String?, _ node: RecipeNode) {
    guard let name else { return }
    open.remove(name)
    let size = RecipeAnchors.size(of: node)
    named[name] = Anchor(node: node, nodeCount: size.count, height: size.height)
  }

  /// What a name stands for.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - place: Where it is used.
  ///   - depth: How many lists and mappings it lies in there.
  /// - Returns: The node, which keeps the place where it was written.
  /// - Throws: `RecipeError` if nothing of the name has ended before, or it unfolds into too much.
  mutating func node(
    _ name: String, at place: RecipePlace, depth: Int
  ) throws(RecipeError) -> RecipeNode {
    guard let anchor = named[name] else {
      throw RecipeError(
        place,
        open.contains(name)
          ? "*\(name.printable) stands inside of what it is the name of"
          : "there is no anchor &\(name.printable) before *\(name.printable)")
    }
    try add(anchor.nodeCount, at: place)
    guard depth + anchor.height <= RecipeText.depthLimit else {
      throw RecipeError(place, "more than \(RecipeText.depthLimit) levels lie in each other")
    }
    return anchor.node
  }

  private mutating func add(_ count: Int, at place: RecipePlace) throws(RecipeError) {
    added += count
    guard added <= RecipeAnchors.nodeLimit else {
      throw RecipeError(
        place,
        "aliases unfold into more than \(NumberFormat.grouped(RecipeAnchors.nodeLimit)) values",
        remedy: "Write out what is meant.")
    }
  }

  private static func size(of node: RecipeNode) -> (count: Int, height: Int) {
    let inner: [RecipeNode] =
      switch node.content {
      case .scalar: []
      case .list(let items): items
      case .map(let entries): entries.flatMap { [$0.key, $0.value] }
      }
    return inner.reduce((1, 0)) { sum, item in
      let size = size(of: item)
      return (sum.0 + size.count, max(sum.1, size.height + 1))
    }
  }
}

/// Merge keys: `<<: *name` puts the entries of a mapping, or of a list of them, into another.
enum MergeKeys {
  /// Whether a key is one; in quotes it is a key like any other.
  static func isOne(_ key: RecipeNode) -> Bool {
    if case .scalar("<<", isPlain: true) = key.content { true } else { false }
  }

  /// The entries that a merge key brings along: those of an earlier mapping before those of a later one.
  static func entries(
    _ value: RecipeNode
  ) throws(RecipeError) -> [(key: RecipeNode, value: RecipeNode)] {
    switch value.content {
    case .map(let entries): return entries
    case .list(let items):
      var result: [(key: RecipeNode, value: RecipeNode)] = []
      for item in items {
        guard case .map(let entries) = item.content else { throw wrong(item) }
        result += entries
      }
      return result
    case .scalar: throw wrong(value)
    }
  }

  private static func wrong(_ node: RecipeNode) -> RecipeError {
    RecipeError(
      node.place, "<< takes a mapping, or a list of mappings, and not \(node.kindName)")
  }
}
