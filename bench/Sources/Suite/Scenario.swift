/// One thing to measure: a merge with its models, its options and what it is compared with.
public struct Scenario: Hashable, Sendable {
  /// What a scenario asks about; all scenarios of a topic can be chosen by its name.
  public enum Topic: String, CaseIterable, Hashable, Sendable {
    /// Prunings and mergings, with everything else as it is by default.
    case methods
    /// The types of the elements.
    case dtypes
    /// More fine-tuned models.
    case models
    /// Threads.
    case threads
    /// Memory budgets and memory groups.
    case memory
    /// Instruction sets.
    case vectors
    /// Forms of the spill.
    case spills
    /// Inputs that are not in the page cache.
    case cold
    /// A model larger than memory beside a smaller one, in the same memory group.
    case size
    /// The start of the program.
    case start
    /// mergekit beside sluice.
    case mergekit
  }

  /// What is run.
  public enum Program: Hashable, Sendable {
    /// `sluice merge` with these options.
    case sluice([String])
    /// mergekit with one of its methods.
    case mergekit(MergekitMethod)
    /// `sluice mergekit-yaml` with a recipe that is mergekit's.
    case recipe(MergekitMethod)
  }

  /// Its name.
  public let name: String
  /// What it asks about.
  public let topic: Topic
  /// What is run.
  public let program: Program
  /// The models.
  public let family: Family
  /// How often its floor reads every input, 0 where it has no floor.
  public let floorReads: Int
  /// Whether inputs leave the page cache before.
  public let isCold: Bool
  /// The size in bytes of the memory group that it runs in, nil for none.
  public let memoryGroup: Int?
  /// Whether the output goes to a file system in memory.
  public let isOutputInMemory: Bool
  /// The name of what takes turns though it merges different models, nil where only scenarios of the same models do.
  ///
  /// Times are then compared byte by byte, and each scenario has a floor of its own.
  public let turns: String?
  /// The scenario that its time is divided by, nil for none.
  public let against: String?
  /// Whether its counts are compared with stored ones.
  public let isCounted: Bool

  /// Describes a scenario of `sluice merge`.
  /// - Parameters:
  ///   - name: its name.
  ///   - topic: what it asks about.
  ///   - words: the options of `sluice merge`.
  ///   - family: the models.
  ///   - floorReads: how often its floor reads every input, 0 where it has no floor.
  ///   - isCold: whether inputs leave the page cache before.
  ///   - memoryGroup: the size in bytes of the memory group that it runs in.
  ///   - isOutputInMemory: whether the output goes to a file system in memory.
  ///   - turns: the name of what takes turns though it merges different models.
  ///   - against: the scenario that its time is divided by.
  ///   - isCounted: whether its counts are compared with stored ones.
  public init(
    _ name: String, _ topic: Topic, _ words: [String], family: Family = Family(),
    floorReads: Int = 2, isCold: Bool = false, memoryGroup: Int? = nil,
    isOutputInMemory: Bool = false, turns: String? = nil, against: String? = nil,
    isCounted: Bool = true
  ) {
    self.name = name
    self.topic = topic
    self.program = .sluice(words)
    self.family = family
    self.floorReads = floorReads
    self.isCold = isCold
    self.memoryGroup = memoryGroup
    self.isOutputInMemory = isOutputInMemory
    self.turns = turns
    self.against = against
    self.isCounted = isCounted
  }

  /// Describes a scenario of mergekit.
  /// - Parameters:
  ///   - method: its method.
  ///   - against: the scenario of sluice that does the same.
  ///   - floorReads: how often its floor reads every input.
  public init(_ method: MergekitMethod, against: String, floorReads: Int) {
    self.init(
      "mergekit-" + method.word, .mergekit(method), family: Family(), floorReads: floorReads,
      against: against)
  }

  /// The same recipe in both programs, on models that are small enough to try every method.
  /// - Parameter method: the method of the recipe.
  /// - Returns: the scenario of sluice, and that of mergekit.
  static func recipes(_ method: MergekitMethod) -> [Scenario] {
    let own = "recipe-" + method.word
    let family = Family(layers: 4)
    return [
      Scenario(own, .recipe(method), family: family, floorReads: 0, against: nil),
      Scenario(
        "mergekit-" + own, .mergekit(method), family: family, floorReads: 0, against: own),
    ]
  }

  private init(
    _ name: String, _ program: Program, family: Family, floorReads: Int, against: String?
  ) {
    self.name = name
    self.topic = .mergekit
    self.program = program
    self.family = family
    self.floorReads = floorReads
    self.isCold = false
    self.memoryGroup = nil
    self.isOutputInMemory = false
    self.turns = nil
    self.against = against
    self.isCounted = false
  }

  /// Its options for people, and in results.
  public var commandSummary: String {
    switch program {
    case .sluice(let words): words.isEmpty ? "defaults" : words.joined(separator: " ")
    case .mergekit(let method): "mergekit \(method.rawValue)"
    case .recipe(let method): "mergekit-yaml \(method.rawValue)"
    }
  }

  /// How many times as large as the base the result is.
  var widening: Int {
    switch program {
    case .mergekit(let method), .recipe(let method): method.isWidening ? 2 : 1
    case .sluice: 1
    }
  }

  /// The instruction set that it forces, nil where it forces none.
  public var vectorLevel: String? {
    guard case .sluice(let words) = program, let place = words.firstIndex(of: "--vector-level"),
      place + 1 < words.count
    else { return nil }
    return words[place + 1]
  }
}
