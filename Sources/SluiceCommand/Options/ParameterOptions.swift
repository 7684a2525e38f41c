internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe

/// Options for rows of the table of parameters.
protocol ParameterList: OptionList {
  /// The rows, in order.
  static var rows: [ParameterRow] { get }
  /// What a row means to the command, where that is not what its summary says.
  static var meanings: [String: String] { get }
}

extension ParameterList {
  static var meanings: [String: String] { [:] }
  static var options: [ListedOption] { rows.map { $0.option(meaning: meanings[$0.name]) } }
}

extension ParameterList {
  /// The rows of some stages of the chain form.
  static func rows(of stages: String...) -> [ParameterRow] {
    stages.flatMap { ParameterRow.settings(of: $0) }
  }
}

/// What is read, and how the result is written.
enum FileParameters: ParameterList {
  static var rows: [ParameterRow] { rows(of: "read", "write") }
}

/// Which deltas go, and what becomes of the rest.
enum PruningParameters: ParameterList {
  static var rows: [ParameterRow] { rows(of: "mask", "amplify") }
}

/// How much of each layer goes.
enum RateParameters: ParameterList {
  static var rows: [ParameterRow] { rows(of: "assign-rates", "significance") }
}

/// How the models become one.
enum MergingParameters: ParameterList {
  static var rows: [ParameterRow] { rows(of: "merge") }
}

extension ListedOptions where List: ParameterList {
  /// Sets what was given, and tells what that was.
  func apply(to method: inout MethodParameters) throws(UsageError) -> [ParameterRow] {
    var given: [ParameterRow] = []
    for row in List.rows {
      guard let texts = values[row.name] else { continue }
      method[row] = try row.value(of: texts)
      given.append(row)
    }
    return given
  }
}

extension ParameterRow {
  /// The row as an option.
  ///
  /// - Parameter meaning: What it means to the command, if not what its summary says.
  /// - Returns: The option.
  func option(meaning: String? = nil) -> ListedOption {
    var help = meaning ?? summary
    if meaning == nil, let owners = ParameterOwners.byName[name], owners.count <= 4 {
      help += " For \(owners.text)."
    }
    let words = words
    let notes = [
      words.isEmpty ? nil : "values: \(words.joined(separator: ", "))",
      defaultValue.recipeText.map { "default: \($0)" },
    ].compactMap(\.self)
    if !notes.isEmpty { help += " (\(notes.joined(separator: "; ")))" }
    return ListedOption(
      name: name, help: help, valueName: valueName, isRepeated: kind == .patterns, words: words)
  }

  private var words: [String] {
    switch kind {
    case .toggle: ["on", "off"]
    case .word(let words): words
    case .dtype: DType.outputNames
    default: []
    }
  }

  private var valueName: String {
    switch kind {
    case .number: "number"
    case .integer: "whole-number"
    case .rank: "number|share%|all"
    case .toggle: "on|off"
    case .word: name == "prune" || name == "merge" ? "method" : "word"
    case .size: "size"
    case .patterns: "pattern"
    case .dtype: "type"
    }
  }

  /// The value that the option's texts mean.
  func value(of texts: [String]) throws(UsageError) -> AnyParameterValue {
    if kind == .patterns { return .patterns(texts) }
    let text = texts.last ?? ""
    switch kind {
    case .number(let range):
      guard let number = Double(text), range.contains(number) else {
        throw expected(
          "a number \(range.rawValue)", text,
          remedy: text.hasSuffix("%") ? "Write the share as a number, such as 0.8." : nil)
      }
      return .number(number)
    case .integer:
      guard let number = UInt64(text) else {
        throw expected("a whole number of at most 64 bits", text)
      }
      return .integer(number)
    case .rank:
      guard let rank = SketchRank(text) else {
        throw expected("a whole number, a share above 0% and below 100%, or all,", text)
      }
      return .rank(rank)
    case .size:
      guard let size = ByteCount(text), size.bytes > 0 else {
        throw expected(
          "a size such as 512MiB or 5GB", text,
          remedy: "Units are B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (of 1024).")
      }
      if let problem = problem(with: .size(size)) { throw UsageError("\(flag): \(problem)") }
      return .size(size)
    case .dtype:
      let word = DType.torchNames[text.lowercased()] ?? text.uppercased()
      guard DType.outputNames.contains(word) else { throw unknown(text) }
      return .word(word)
    case .toggle, .word, .patterns:
      guard words.contains(text) else { throw unknown(text) }
      return kind == .toggle ? .toggle(text == "on") : .word(text)
    }
  }

  private func expected(_ what: String, _ text: String, remedy: String? = nil) -> UsageError {
    UsageError("\(flag): \(what) is expected, found \"\(text.printable)\"", remedy: remedy)
  }

  private func unknown(_ text: String) -> UsageError {
    UsageError(
      "\(flag): \"\(text.printable)\" is not one of the words expected here",
      remedy: ClosestWord.remedy(for: text, among: words))
  }
}
