internal import SluiceArchitecture

/// `groups`, the short form of filters: a number for each group of modules, and each third of the depth.
///
/// `{groups: {attention: [0.8, 0.9, 1], norms: 1}}` is `[{filter: "@attention/1", value: 0.8}, ...]`.
enum RecipeGroups {
  private static let key = "groups"

  /// A value with filters in the place of groups, if it has any.
  static func expanded(_ field: RecipeField) throws(RecipeError) -> RecipeField {
    guard let content = content(of: field.node) else { return field }
    let groups = RecipeField(node: content, path: "\(field.path).\(key)")
    var map = try RecipeMap(groups)
    var filters: [RecipeNode] = []
    for group in ModuleGroup.allCases {
      guard let value = map.take(group.rawValue) else { continue }
      guard value.isList else {
        filters.append(filter(GroupFilter(group), value))
        continue
      }
      let thirds = try value.list(of: "numbers")
      guard group.isInBlocks, thirds.count == 3 else {
        throw value.error(
          group.isInBlocks
            ? "a number is expected, or three: one for each third of the depth"
            : "a number is expected: the group has no depth")
      }
      for (third, number) in thirds.enumerated() {
        guard !number.isList, !number.isMap else {
          throw number.error("a number is expected, found \(number.node.kindName)")
        }
        filters.append(filter(GroupFilter(group, third: third), number))
      }
    }
    try map.finish()
    guard !filters.isEmpty else {
      throw groups.error(
        "no group is named",
        remedy: "Known are: \(ModuleGroup.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return RecipeField(
      node: RecipeNode(content: .list(filters), place: field.place), path: field.path)
  }

  /// All groups, each with the same mark, for one that stands for all: `{groups: {search: [0.6, 1.4]}}`; nil if it is
  /// something else.
  static func marked(_ node: RecipeNode) -> RecipeNode? {
    guard let mark = content(of: node), case .map(let entries) = mark.content, entries.count == 1,
      case .scalar("search", _) = entries[0].key.content
    else { return nil }
    let groups = ModuleGroup.allCases.map { group in
      let thirds = RecipeNode(content: .list([mark, mark, mark]), place: mark.place)
      return (text(group.rawValue, mark), group.isInBlocks ? thirds : mark)
    }
    let map = RecipeNode(content: .map(groups.map { (key: $0, value: $1) }), place: mark.place)
    return RecipeNode(content: .map([(key: text(key, node), value: map)]), place: node.place)
  }

  /// Refuses a filter that begins as those of groups do and is none.
  static func check(_ filter: RecipeField, _ text: String) throws(RecipeError) {
    guard text.hasPrefix(GroupFilter.sign), GroupFilter(text) == nil else { return }
    throw filter.error(
      "\(text.quotedForMessage) is no group of modules",
      remedy:
        "Write @attention, @mlp, @embedding, @head or @norms; @attention/1 and @mlp/1 to /3 are thirds of the depth."
    )
  }

  private static func content(of node: RecipeNode) -> RecipeNode? {
    guard case .map(let entries) = node.content, entries.count == 1,
      case .scalar(key, _) = entries[0].key.content
    else { return nil }
    return entries[0].value
  }

  private static func filter(_ filter: GroupFilter, _ value: RecipeField) -> RecipeNode {
    let node = value.node
    let name = RecipeNode(content: .scalar(filter.text, isPlain: false), place: node.place)
    return RecipeNode(
      content: .map([
        (key: text("filter", node), value: name), (key: text("value", node), value: node),
      ]), place: node.place)
  }

  private static func text(_ word: String, _ node: RecipeNode) -> RecipeNode {
    RecipeNode(content: .scalar(word, isPlain: true), place: node.place)
  }
}
