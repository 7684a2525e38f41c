internal import SluiceCore
internal import SluiceMethods
internal import SluiceStages

/// The values that recipes are made of.
extension RecipeField {
  /// The value that a key takes.
  func value(of row: ParameterRow) throws(RecipeError) -> AnyParameterValue {
    switch row.kind {
    case .number(let range): return .number(try number(range))
    case .integer: return .integer(try integer())
    case .rank: return .rank(try rank())
    case .toggle: return .toggle(try word(among: ["on", "off"]) == "on")
    case .word(let words): return .word(try word(among: words))
    case .size:
      let value = AnyParameterValue.size(try size())
      if let problem = row.problem(with: value) { throw error(problem) }
      return value
    case .patterns: return .patterns(try patterns())
    case .dtype: return .word(try dtype())
    }
  }

  func integer() throws(RecipeError) -> UInt64 {
    guard case .scalar(let text, isPlain: true) = node.content, let number = UInt64(text),
      "\(number)" == text
    else { throw error("a whole number of at most 64 bits is expected, found \(node.kindName)") }
    return number
  }

  private func rank() throws(RecipeError) -> SketchRank {
    guard case .scalar(let text, isPlain: true) = node.content, let rank = SketchRank(text),
      rank.share != nil || rank.text == text
    else {
      throw error(
        "a whole number, a share above 0% and below 100%, or all, is expected, found \(node.kindName)"
      )
    }
    return rank
  }

  private func patterns() throws(RecipeError) -> [String] {
    guard isList else { return [try text()] }
    var result: [String] = []
    for item in try list(of: "patterns") { result.append(try item.text()) }
    return result
  }

  /// The type of weights, in the spelling of files or of PyTorch.
  private func dtype() throws(RecipeError) -> String {
    let word = try self.word(among: DType.outputNames + DType.torchNames.keys.sorted())
    return DType.torchNames[word] ?? word
  }

  /// A number, a list of numbers over the depth of the model, a list of filters, or groups of modules.
  func tensorNumber(
    _ range: NumberRange, convert: (Double) -> Double = { $0 }
  ) throws(RecipeError) -> TensorNumber {
    let field = try RecipeGroups.expanded(self)
    guard field.isList else { return TensorNumber([.init(.constant(convert(try number(range))))]) }
    let items = try field.list(of: "numbers or filters")
    guard let first = items.first else { throw error("the list is empty") }
    guard first.isMap else {
      return TensorNumber([.init(try gradient(items, range, convert))])
    }
    var rules: [TensorNumber.Rule] = []
    for item in items {
      var map = try RecipeMap(item)
      let filter = try map.take("filter").map { field throws(RecipeError) in
        let text = try field.text()
        try RecipeGroups.check(field, text)
        return text
      }
      let value = try map.require("value")
      try map.finish()
      let number: TensorNumber.Value =
        value.isList
        ? try value.gradient(try value.list(of: "numbers"), range, convert)
        : .constant(convert(try value.number(range)))
      if let last = rules.last, last.filter == nil {
        throw item.error("no tensor comes this far: the filter before matches all of them")
      }
      rules.append(TensorNumber.Rule(filter: filter == "*" ? nil : filter, number))
    }
    return TensorNumber(rules)
  }

  private func gradient(
    _ items: [RecipeField], _ range: NumberRange, _ convert: (Double) -> Double
  ) throws(RecipeError) -> TensorNumber.Value {
    var numbers: [Double] = []
    for item in items { numbers.append(convert(try item.number(range))) }
    guard numbers.count > 1 else {
      guard let only = numbers.first else { throw error("the list is empty") }
      return .constant(only)
    }
    return .gradient(numbers)
  }

  /// Amplification factors, most severe partition first.
  func factors() throws(RecipeError) -> [Double] {
    guard isList else { return [try number(.any)] }
    var factors: [Double] = []
    for item in try list(of: "factors") {
      guard !item.isMap, !item.isList else {
        throw item.error(
          "a factor is one number for the whole model",
          remedy: "Filters and gradients are known for weight, density and pruning-rate.")
      }
      factors.append(try item.number(.any))
    }
    return factors
  }

  /// How a run is done: none of it changes a byte.
  func runOptions(_ options: inout RunOptions) throws(RecipeError) {
    var map = try RecipeMap(self)
    if let memory = map.take("memory") { options.memory = try memory.size() }
    if let threads = map.take("threads") {
      let number = try threads.number(.whole)
      guard (1...1024).contains(number) else {
        throw threads.error("a number of threads from 1 to 1024 is expected, found \(Int(number))")
      }
      options.threads = Int(number)
    }
    if let io = map.take("io") {
      let word = try io.word(among: RunOptions.InputOption.allCases.map(\.rawValue))
      options.io = InputMode(rawValue: word)
    }
    if let edges = map.take("edges") {
      let word = try edges.word(among: RunOptions.EdgeOption.allCases.map(\.rawValue))
      options.edges = RunOptions.EdgeOption(rawValue: word) ?? .auto
    }
    try map.finish()
  }
}
