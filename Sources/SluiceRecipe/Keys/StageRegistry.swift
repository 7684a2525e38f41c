public import SluiceStages

/// What a stage of one's own is made from: the keys after its name in a recipe.
public struct StageArguments {
  /// The keys; take each, what is left over is refused.
  public var map: RecipeMap
  /// The names of the fine-tuned models, in order.
  public let modelNames: [String]
  /// The directory that relative paths start from.
  public let directory: String
}

/// The stages that recipes may name beside the built-in ones: a list for each place in the chain.
///
/// A program that adds stages registers them here and loads recipes with it.
public struct StageRegistry: Sendable {
  /// Makes a stage of a recipe's arguments.
  public typealias Make<Stage: Sendable> = @Sendable (inout StageArguments) throws -> Stage

  /// A kind of stage and where it comes from.
  struct Entry<Stage: Sendable>: Sendable {
    let version: String
    let make: Make<Stage>
    /// What else identifies the stage; nil for the arguments as they are written.
    var identify: (@Sendable (Stage) -> (arguments: String, version: String)?)?
  }

  private(set) var transforms: [String: Entry<any DeltaTransform>] = [:]
  private(set) var statistics: [String: Entry<any TensorStatistic>] = [:]
  private(set) var rateRules: [String: Entry<any RateRule>] = [:]
  private(set) var operators: [String: Entry<any MergeOperator>] = [:]

  /// The stages that sluice brings along: programs (`exec`) and random dropping (`drop`).
  public init() {
    transforms["drop"] = Entry(version: "1", make: { try DropArguments.transform(&$0) })
    transforms["exec"] = Entry(
      version: "", make: { try ExecArguments.transform(&$0) },
      identify: { ($0 as? ExecTransform).map { ($0.spec.recipeText, $0.spec.version) } })
    operators["exec"] = Entry(
      version: "", make: { try ExecArguments.merging(&$0) },
      identify: { ($0 as? ExecOperator).map { ($0.spec.recipeText, $0.spec.version) } })
  }

  /// Adds a transform of deltas.
  ///
  /// - Parameters:
  ///   - name: The name in recipes.
  ///   - version: What changes whenever the stage would do something else with the same arguments.
  ///   - make: Makes it of a recipe's arguments.
  public mutating func register(
    transform name: String, version: String, _ make: @escaping Make<any DeltaTransform>
  ) {
    precondition(!ChainOrder.names.contains(name), "the name of a built-in stage")
    transforms[name] = Entry(version: version, make: make)
  }

  /// Adds a statistic that may stand for significance.
  ///
  /// - Parameters:
  ///   - name: The name in recipes.
  ///   - version: What changes whenever the statistic would be another with the same arguments.
  ///   - make: Makes it of a recipe's arguments.
  public mutating func register(
    statistic name: String, version: String, _ make: @escaping Make<any TensorStatistic>
  ) { statistics[name] = Entry(version: version, make: make) }

  /// Adds a rule that assigns rates.
  ///
  /// - Parameters:
  ///   - name: The name in recipes.
  ///   - version: What changes whenever the rule would be another with the same arguments.
  ///   - make: Makes it of a recipe's arguments.
  public mutating func register(
    rateRule name: String, version: String, _ make: @escaping Make<any RateRule>
  ) { rateRules[name] = Entry(version: version, make: make) }

  /// Adds an operator that merges.
  ///
  /// - Parameters:
  ///   - name: The name in recipes.
  ///   - version: What changes whenever the operator would do something else.
  ///   - make: Makes it of a recipe's arguments.
  public mutating func register(
    mergeOperator name: String, version: String, _ make: @escaping Make<any MergeOperator>
  ) { operators[name] = Entry(version: version, make: make) }
}

extension StageRegistry.Entry {
  /// Makes the stage that a recipe describes.
  func stage(
    named name: String, _ field: RecipeField?, at map: RecipeMap, _ context: ChainContext
  ) throws -> IdentifiedStage<Stage> {
    var arguments = StageArguments(
      map: try field.map { field throws in try RecipeMap(field) } ?? map,
      modelNames: context.modelNames, directory: context.directory)
    let stage = try make(&arguments)
    try arguments.map.finish()
    let identity = identify?(stage)
    return IdentifiedStage(
      stage, name: name, arguments: identity?.arguments ?? field?.node.flowEntries ?? "",
      version: identity?.version ?? version)
  }
}

/// What the stages of a chain share.
struct ChainContext {
  let modelNames: [String]
  let directory: String
}
