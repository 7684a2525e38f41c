internal import ArgumentParser

/// An option that a table describes.
struct ListedOption: Sendable {
  /// The name without its dashes.
  var name: String
  /// What it means.
  var help: String
  /// How its value is written.
  var valueName: String
  /// Whether it can be given more than once.
  var isRepeated = false
  /// The words that it takes, if it takes words.
  var words: [String] = []
}

/// Options that come from a table.
protocol OptionList: Sendable {
  /// The options, in order.
  static var options: [ListedOption] { get }
}

/// The options of a list: parsed, completed and explained as if each were a property.
///
/// The parser finds the options of a type by looking at its properties. Here the list stands for
/// them, so that an option in a table needs no declaration of its own.
struct ListedOptions<List: OptionList>: ParsableArguments, CustomReflectable {
  /// What was given, by name, each with all its values in order.
  private(set) var values: [String: [String]] = [:]

  init() {}

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: OptionKey.self)
    for option in List.options {
      let key = OptionKey(stringValue: option.name)
      let given =
        option.isRepeated
        ? try container.decode(Option<[String]>.self, forKey: key).wrappedValue
        : try container.decode(Option<String?>.self, forKey: key).wrappedValue.map { [$0] } ?? []
      if !given.isEmpty { values[option.name] = given }
    }
  }

  /// What the parser sees.
  var customMirror: Mirror {
    Mirror(
      self,
      children: List.options.map { option -> Mirror.Child in
        let name = NameSpecification.customLong(option.name)
        let help = ArgumentHelp("\(option.help)", valueName: option.valueName)
        let completion: CompletionKind? =
          !option.words.isEmpty
          ? .list(option.words) : option.valueName.hasSuffix("file") ? .file() : nil
        let value: Any =
          option.isRepeated
          ? Option<[String]>(wrappedValue: [], name: name, help: help, completion: completion)
          : Option<String?>(name: name, help: help, completion: completion)
        return (option.name, value)
      })
  }
}

/// The name of any option, as the parser's decoder takes it.
struct OptionKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
