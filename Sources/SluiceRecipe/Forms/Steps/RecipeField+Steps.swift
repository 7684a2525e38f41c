internal import SluiceCore
internal import SluiceMethods

/// Values as mergekit's grammar has them: YAML 1.1, as PyYAML's safe loader reads it.
extension RecipeField {
  /// A number, a truth value, a list of them over the depth, or such values for names that match, or for groups of modules.
  func scopedNumbers(isTruth: Bool) throws(RecipeError) -> ScopedNumbers {
    let field = try RecipeGroups.expanded(self)
    if field.isMap { return [try field.scopedNumber(isTruth: isTruth)] }
    guard field.isList else { return [ScopedNumber(try stepValue(isTruth: isTruth))] }
    let items = try field.list(of: "numbers or filters")
    guard let first = items.first else { throw error("the list is empty") }
    guard first.isMap else { return [ScopedNumber(try stepValue(isTruth: isTruth))] }
    var numbers: ScopedNumbers = []
    for item in items { numbers.append(try item.scopedNumber(isTruth: isTruth)) }
    return numbers
  }

  private func scopedNumber(isTruth: Bool) throws(RecipeError) -> ScopedNumber {
    var map = try RecipeMap(self)
    let filter = try map.takeGiven("filter").flatMap { field throws(RecipeError) in
      let text = try field.text()
      try RecipeGroups.check(field, text)
      return text
    }
    let value = try map.require("value").stepValue(isTruth: isTruth)
    try map.finish()
    return ScopedNumber(filter: filter == "*" ? nil : filter, value)
  }

  private func stepValue(isTruth: Bool) throws(RecipeError) -> ScopedNumber.Value {
    guard isList else { return .constant(try stepNumber(isTruth: isTruth)) }
    var numbers: [Double] = []
    for item in try list(of: isTruth ? "truth values" : "numbers") {
      numbers.append(try item.stepNumber(isTruth: isTruth))
    }
    guard !numbers.isEmpty else { throw error("the list is empty") }
    if isTruth { return .levels(numbers) }
    return numbers.count == 1 ? .constant(numbers[0]) : .gradient(numbers)
  }

  /// A number, which may stand in quotes; truth values also as 1 and 0.
  private func stepNumber(isTruth: Bool) throws(RecipeError) -> Double {
    guard case .scalar(let text, let isPlain) = node.content, !isNothing else {
      return try number()
    }
    if isPlain, let truth = FormerYAML.truth(text) { return truth ? 1 : 0 }
    let number = Decimal.parse(text) ?? FormerYAML.number(text, isPlain: isPlain)
    guard let number, number.isFinite else {
      return try isTruth ? (truth() ? 1 : 0) : self.number()
    }
    if isTruth, number != 0, number != 1 { return try truth() ? 1 : 0 }
    return number
  }

  /// A type that arithmetic can be done in.
  func workingType() throws(RecipeError) -> DType {
    guard case .scalar(let text, _) = node.content else {
      throw error("the name of a type is expected")
    }
    let name = text.hasPrefix("torch.") ? String(text.dropFirst("torch.".count)) : text
    let word = DType.torchNames[name] ?? name
    guard let dtype = DType(rawValue: word), [.f32, .f16, .bf16].contains(dtype) else {
      throw error(
        "methods compute in float32, float16 or bfloat16, not in \(text.quotedForMessage)",
        remedy: word == "F64" ? "Write float32: sums are exact to 53 bits anyway." : nil)
    }
    return dtype
  }
}

/// Values as YAML 1.1 writes them, and PyYAML reads them.
enum FormerYAML {
  private static let truths: [String: Bool] = [
    "yes": true, "no": false, "true": true, "false": false, "on": true, "off": false,
  ]

  /// The truth value that a plain word is: all small, all large, or with a large letter first.
  static func truth(_ text: String) -> Bool? {
    let small = text.lowercased()
    guard let truth = truths[small],
      [small, text.uppercased(), small.prefix(1).uppercased() + small.dropFirst()].contains(text)
    else { return nil }
    return truth
  }

  /// The number that a text is: with `_` between digits, in base 2, 8 or 16, or in parts of sixty.
  ///
  /// A text in quotes is one that Python's `float` reads: digits may have `_` between them.
  static func number(_ text: String, isPlain: Bool) -> Double? {
    let isNegative = text.hasPrefix("-")
    let signed = isNegative || text.hasPrefix("+")
    var digits = text.dropFirst(signed ? 1 : 0).filter { $0 != "_" }
    guard let first = digits.first, first.isASCII, first.isNumber || first == "." else {
      return nil
    }
    let magnitude: Double?
    if isPlain, digits.hasPrefix("0x") {
      magnitude = Int(digits.dropFirst(2), radix: 16).map(Double.init)
    } else if isPlain, digits.hasPrefix("0b") {
      magnitude = Int(digits.dropFirst(2), radix: 2).map(Double.init)
    } else if isPlain, digits.count > 1, digits.hasPrefix("0"), digits.allSatisfy(isDigit) {
      magnitude = Int(digits, radix: 8).map(Double.init)
    } else if isPlain, digits.contains(":") {
      magnitude = sixties(digits)
    } else {
      // Python reads zeros before a number.
      while digits.hasPrefix("0"), digits.dropFirst().first.map(isDigit) ?? false {
        digits.removeFirst()
      }
      magnitude = Decimal.parse(String(digits))
    }
    return magnitude.map { isNegative ? -$0 : $0 }
  }

  private static func isDigit(_ letter: Character) -> Bool { letter.isASCII && letter.isNumber }

  private static func sixties(_ text: String) -> Double? {
    var sum = 0.0
    for (position, part) in text.split(separator: ":", omittingEmptySubsequences: false)
      .enumerated()
    {
      guard let number = Double(part), part.first.map(isDigit) ?? false,
        position == 0 || number < 60
      else { return nil }
      sum = sum * 60 + number
    }
    return sum
  }
}
