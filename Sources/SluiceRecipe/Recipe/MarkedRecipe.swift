internal import SluiceCore
internal import SluiceFormats

/// A recipe some of whose numbers are to be found: each is written as `{search: [FROM, TO]}`, or with a step
/// as the third number.
///
/// What a mark stands for, a recipe says by where it stands: a weight, a density, a scale, a factor of some
/// modules. So every number of every method can be marked.
package struct MarkedRecipe: Sendable {
  /// How many values a mark has that names no step.
  package static let usualCount = 11

  /// A number that is to be found.
  package struct Mark: Sendable, Hashable {
    /// The keys that lead to it.
    package let name: String
    /// The first value.
    package let first: Double
    /// The distance between values.
    package let step: Double
    /// How many values there are.
    package let count: Int
  }

  /// The marks, in the order of the text.
  package let marks: [Mark]
  private let node: RecipeNode
  private let directory: String
  private let options: RunOptions

  /// Reads a recipe with marks, or without.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - options: The run options to start from.
  /// - Returns: The recipe.
  /// - Throws: `RecipeError` if a mark is none; what else is wrong shows when numbers are filled in.
  package static func load(_ path: String, options: RunOptions) throws -> MarkedRecipe {
    let node = try RecipeText.read(file: path)
    var marks: [Mark] = []
    _ = try MarkedRecipe.walk(RecipeField(node: node, path: "")) { mark, node in
      marks.append(mark)
      return node
    }
    return MarkedRecipe(
      marks: marks, node: node, directory: Directory.parent(of: path), options: options)
  }

  /// The recipe with numbers in the place of marks.
  ///
  /// - Parameter values: A number for each mark.
  /// - Returns: The recipe.
  /// - Throws: `RecipeError` if it is none.
  package func file(_ values: [Double]) throws -> RecipeFile {
    precondition(values.count == marks.count)
    var next = 0
    let filled = try MarkedRecipe.walk(RecipeField(node: node, path: "")) { _, node in
      defer { next += 1 }
      return RecipeNode(content: .scalar("\(values[next])", isPlain: true), place: node.place)
    }
    return try RecipeFile(filled, directory: directory, StageRegistry(), options)
  }

  /// Goes through a recipe, and replaces what is marked.
  private static func walk(
    _ field: RecipeField, _ replace: (Mark, RecipeNode) -> RecipeNode
  ) throws(RecipeError) -> RecipeNode {
    let node = field.node
    switch node.content {
    case .scalar: return node
    case .list(let items):
      var list: [RecipeNode] = []
      for (index, item) in items.enumerated() {
        list.append(try walk(RecipeField(node: item, path: "\(field.path)[\(index)]"), replace))
      }
      return RecipeNode(content: .list(list), place: node.place)
    case .map(let entries):
      if let all = RecipeGroups.marked(node) {
        return try walk(RecipeField(node: all, path: field.path), replace)
      }
      if let mark = try mark(field, entries) { return replace(mark, node) }
      var map: [(key: RecipeNode, value: RecipeNode)] = []
      for (key, value) in entries {
        guard case .scalar(let text, _) = key.content else { continue }
        let path = field.path.isEmpty ? text : "\(field.path).\(text)"
        map.append((key, try walk(RecipeField(node: value, path: path), replace)))
      }
      return RecipeNode(content: .map(map), place: node.place)
    }
  }

  private static func mark(
    _ field: RecipeField, _ entries: [(key: RecipeNode, value: RecipeNode)]
  ) throws(RecipeError) -> Mark? {
    guard entries.count == 1, case .scalar("search", _) = entries[0].key.content else { return nil }
    let list = RecipeField(node: entries[0].value, path: "\(field.path).search")
    var numbers: [Double] = []
    for item in try list.list(of: "numbers") { numbers.append(try item.number()) }
    guard (2...3).contains(numbers.count), numbers[0] < numbers[1] else {
      throw list.error(
        "the first and the last value are expected, and the step if wanted",
        remedy: "Write {search: [0, 1]}, or {search: [0, 1, 0.25]}.")
    }
    let step = numbers.count == 3 ? numbers[2] : (numbers[1] - numbers[0]) / Double(usualCount - 1)
    guard step > 0, (numbers[1] - numbers[0]) / step < 10000, numbers[1] - numbers[0] >= step else {
      throw list.error("the step is none between the first and the last value")
    }
    let count = Int(((numbers[1] - numbers[0]) / step + 1e-9).rounded(.down)) + 1
    return Mark(name: field.path, first: numbers[0], step: step, count: count)
  }
}
