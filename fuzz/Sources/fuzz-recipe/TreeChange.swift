@testable import SluiceCore
@testable import SluiceMethods
@testable import SluiceRecipe

extension RecipeTree {
  /// Changes one tree in it.
  mutating func change(_ draw: inout Draw) {
    var own = draw
    let part = self[own.below(count)]
    edit(own.below(count)) { tree in
      switch own.below(4) {
      case 0: tree = tree.isScalar ? .value(&own) : tree
      case 1: tree.changeDepth(part, &own)
      default: tree.changeChildren(part, &own)
      }
    }
    draw = own
  }

  private var isScalar: Bool { if case .scalar = self { true } else { false } }

  /// Any value: an odd one, or one that a parameter takes.
  private static func value(_ draw: inout Draw) -> RecipeTree {
    draw.below(2) == 0
      ? .scalar(draw.any(of: values), isPlain: draw.below(6) > 0)
      : value(of: draw.any(of: ParameterRow.all), &draw)
  }

  /// A value of a parameter, mostly one that it takes.
  private static func value(of row: ParameterRow, _ draw: inout Draw) -> RecipeTree {
    let text =
      switch row.kind {
      case .number:
        draw.any(of: ["0", "0.5", "0.999", "1", "1e-320", "3.4028236e38", "-1", "0.1", "2", "7"])
      case .rank: draw.any(of: ["16", "75%", "0%", "100%", "101%", "0.5%", "%", "1e9%", "-1"])
      case .integer: draw.any(of: ["0", "1", "18446744073709551615", "-1", "0.5"])
      case .toggle: draw.any(of: ["true", "false", "yes", "1"])
      case .word(let words): draw.any(of: words + ["", "other"])
      case .size: draw.any(of: ["1kB", "999", "5GB", "8EiB", "0.5MiB", "1e40GB"])
      case .dtype: draw.any(of: DType.outputNames + Array(DType.torchNames.keys).sorted() + ["I8"])
      case .patterns: draw.any(of: ["mlp", "*", "model.layers.*", "\"\"", "[a"])
      }
    let value = RecipeTree.scalar(text, isPlain: true)
    switch draw.below(8) {
    case 0: return .list([value, .scalar("0.25", isPlain: true)])
    case 1:
      return .list([
        .map([("filter", .scalar("mlp", isPlain: true)), ("value", value)]),
        .map([("value", value)]),
      ])
    case 2 where row.kind == .patterns: return .list([value, value])
    default: return value
    }
  }

  /// Wraps a tree, unwraps it, or puts another in its place.
  private mutating func changeDepth(_ part: RecipeTree, _ draw: inout Draw) {
    switch (draw.below(6), self) {
    case (0, _): self = .list([self])
    case (1, _): self = .map([(draw.any(of: keys), self)])
    case (2, .list(let items)) where !items.isEmpty: self = draw.any(of: items)
    case (3, .map(let entries)) where !entries.isEmpty: self = draw.any(of: entries).value
    // Aliases, anchors and tags, which recipes have no use for.
    case (4, .scalar(let text, _)):
      self = .scalar(draw.any(of: ["*a", "&a \(text)", "!!str \(text)", "!x {}"]), isPlain: true)
    default: self = part
    }
  }

  /// Repeats, takes away, exchanges, renames or adds what lies in a list or a mapping.
  private mutating func changeChildren(_ part: RecipeTree, _ draw: inout Draw) {
    switch self {
    case .scalar(let text, let isPlain):
      self = draw.below(3) == 0 ? .scalar(text, isPlain: !isPlain) : .value(&draw)
    case .list(var items):
      RecipeTree.change(&items, &draw) { draw in
        draw.below(2) == 0 ? part : .map([(draw.any(of: keys), .value(&draw))])
      }
      self = .list(items)
    case .map(var entries):
      let row = draw.any(of: ParameterRow.all)
      switch draw.below(4) {
      case 0 where !entries.isEmpty:
        entries[draw.below(entries.count)].key = draw.any(
          of: keys + [row.place.key, row.place.stage])
      case 1:
        entries.append((draw.below(2) == 0 ? row.name : row.place.key, .value(of: row, &draw)))
      default:
        RecipeTree.change(&entries, &draw) { draw in (draw.any(of: keys), part) }
      }
      self = .map(entries)
    }
  }

  private static func change<Item>(
    _ items: inout [Item], _ draw: inout Draw, _ make: (inout Draw) -> Item
  ) {
    guard !items.isEmpty else {
      items.append(make(&draw))
      return
    }
    let index = draw.below(items.count)
    switch draw.below(5) {
    case 0: items.insert(items[index], at: draw.below(items.count + 1))
    case 1: items.remove(at: index)
    case 2: items.swapAt(index, draw.below(items.count))
    case 3: items[index] = make(&draw)
    default: items.insert(make(&draw), at: index)
    }
  }
}
