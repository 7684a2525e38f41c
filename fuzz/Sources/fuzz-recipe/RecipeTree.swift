@testable import SluiceRecipe

/// A recipe as what lies in what, for changing it.
indirect enum RecipeTree {
  /// A value; what is not plain is written in quotes.
  case scalar(String, isPlain: Bool)
  case list([RecipeTree])
  case map([(key: String, value: RecipeTree)])

  /// Reads a text; nil if it is no recipe's.
  init?(_ bytes: [UInt8]) {
    guard let node = try? RecipeText.parse(bytes, file: "recipe") else { return nil }
    self.init(node)
  }

  private init(_ node: RecipeNode) {
    self =
      switch node.content {
      case .scalar(let text, let isPlain): .scalar(text, isPlain: isPlain)
      case .list(let items): .list(items.map(RecipeTree.init))
      case .map(let entries):
        .map(entries.map { (RecipeTree.word($0.key), RecipeTree($0.value)) })
      }
  }

  private static func word(_ node: RecipeNode) -> String {
    if case .scalar(let text, _) = node.content { text } else { "" }
  }

  /// How many trees it is, itself and what lies in it.
  var count: Int {
    switch self {
    case .scalar: 1
    case .list(let items): items.reduce(1) { $0 + $1.count }
    case .map(let entries): entries.reduce(1) { $0 + $1.value.count }
    }
  }

  /// The tree of a number, counted as they are written.
  subscript(number: Int) -> RecipeTree {
    var left = number
    return find(&left) ?? self
  }

  private func find(_ left: inout Int) -> RecipeTree? {
    if left == 0 { return self }
    left -= 1
    switch self {
    case .scalar: return nil
    case .list(let items):
      for item in items { if let found = item.find(&left) { return found } }
    case .map(let entries):
      for entry in entries { if let found = entry.value.find(&left) { return found } }
    }
    return nil
  }

  /// Changes the tree of a number.
  mutating func edit(_ number: Int, _ change: (inout RecipeTree) -> Void) {
    var left = number
    visit(&left, change)
  }

  private mutating func visit(_ left: inout Int, _ change: (inout RecipeTree) -> Void) {
    guard left > 0 else {
      if left == 0 { change(&self) }
      left = -1
      return
    }
    left -= 1
    switch self {
    case .scalar: return
    case .list(var items):
      for index in items.indices where left >= 0 { items[index].visit(&left, change) }
      self = .list(items)
    case .map(var entries):
      for index in entries.indices where left >= 0 { entries[index].value.visit(&left, change) }
      self = .map(entries)
    }
  }

  /// The recipe written again: in lines, or in braces from some depth on.
  func text(_ draw: inout Draw) -> String {
    let lines = draw.below(5)
    return block(depth: 0, flowsAt: lines) + "\n"
  }

  private func block(depth: Int, flowsAt limit: Int) -> String {
    let indent = String(repeating: "  ", count: depth)
    switch self {
    case .scalar: return flow
    case .list(let items):
      guard depth < limit, !items.isEmpty else { return flow }
      return items.map { "\n\(indent)- \($0.block(depth: depth + 1, flowsAt: limit))" }.joined()
    case .map(let entries):
      guard depth < limit, !entries.isEmpty else { return flow }
      return entries.map { entry in
        "\n\(indent)\(RecipeTree.key(entry.key)): "
          + entry.value.block(depth: depth + 1, flowsAt: limit)
      }.joined()
    }
  }

  private var flow: String {
    switch self {
    case .scalar(let text, isPlain: true): text
    case .scalar(let text, isPlain: false): RecipeNode.quoted(text)
    case .list(let items): "[\(items.map(\.flow).joined(separator: ", "))]"
    case .map(let entries):
      "{\(entries.map { "\(RecipeTree.key($0.key)): \($0.value.flow)" }.joined(separator: ", "))}"
    }
  }

  private static func key(_ text: String) -> String {
    text.utf8.allSatisfy { $0 > 0x2c && $0 < 0x7f && $0 != UInt8(ascii: ":") } && !text.isEmpty
      ? text : RecipeNode.quoted(text)
  }
}
