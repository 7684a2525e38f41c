internal import ArgumentParser

/// The options of two types, parsed and explained as if they were properties of one.
///
/// In debug builds the parser checks each group of options four times for each group around it. Groups
/// that are joined lie side by side instead of in each other.
@dynamicMemberLookup
struct JoinedOptions<First: ParsableArguments, Second: ParsableArguments>: ParsableArguments,
  CustomReflectable
{
  /// Those of the first type.
  private(set) var first = First()
  /// Those of the second type.
  private(set) var second = Second()

  init() {}

  init(from decoder: any Decoder) throws {
    // Any key: those of both types are asked for by themselves.
    _ = try decoder.container(keyedBy: OptionKey.self)
    first = try First(from: decoder)
    second = try Second(from: decoder)
  }

  subscript<Value>(dynamicMember path: KeyPath<First, Value>) -> Value { first[keyPath: path] }
  subscript<Value>(dynamicMember path: KeyPath<Second, Value>) -> Value { second[keyPath: path] }

  mutating func validate() throws {
    try first.validate()
    try second.validate()
  }

  /// What the parser sees.
  var customMirror: Mirror {
    Mirror(
      self,
      children: Array(Mirror(reflecting: first).children) + Mirror(reflecting: second).children)
  }
}
