public import SluicePipeline

/// What a search found.
public struct SearchResult: Sendable, Hashable {
  /// The version of `search.json`.
  public static let version = 1
  /// The name of the file in the search's output.
  public static let fileName = "search.json"
  /// The name of the recipe with the factors filled in.
  public static let recipeName = "recipe.yaml"
  /// The directory of the best candidates, if they are kept.
  public static let bestName = "best"

  /// A candidate on the way.
  public struct Step: Sendable, Hashable {
    /// What asked for it: `1`, `2`, `rule5` or `joint`.
    public var method: String
    /// The factors.
    public var factors: Factors
    /// Its scores.
    public var tasks: TaskScores
    /// Its Domain-Ratio; 0 for one that could not be evaluated.
    public var domainRatio: Double
    /// How long the evaluator took, in seconds.
    public var seconds: Double
  }

  /// What was found for a model.
  public struct Model: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The method whose result it is.
    public var method: String
    /// The overall rates of the partitions, most severe first.
    public var partitionRates: [Double]
    /// The best factors.
    public var factors: Factors
    /// Their Domain-Ratio.
    public var domainRatio: Double
    /// The scores of the dense model.
    public var dense: TaskScores
    /// The candidates in the order in which the strategy asked for them.
    public var trajectory: [Step]
    /// How many candidates were evaluated beside those: guesses, and those of other searches.
    public var otherEvaluations = 0
    /// What should be known about it.
    public var warnings: [String] = []
  }

  /// The merge with all factors.
  public struct Merged: Sendable, Hashable {
    /// Its scores.
    public var tasks: TaskScores
    /// Its Domain-Ratio by model, over that model's tasks.
    public var domainRatios: [String: Double]
    /// How long the evaluator took, in seconds.
    public var seconds: Double
  }

  /// The evaluator's command.
  public var evaluator: String
  /// The pruning.
  public var prune: String
  /// The strategy.
  public var strategy: String
  /// The distance between factors.
  public var step: Double
  /// The last factor that was allowed.
  public var bound: Double
  /// What was found, in the order of the recipe.
  public var models: [Model]
  /// The merge, if it was evaluated.
  public var merged: Merged?

  /// Fills the factors into a recipe.
  ///
  /// - Parameter recipe: The recipe; models that were not searched keep their factors.
  /// - Returns: The recipe, ready to be run.
  public func applied(to recipe: MergeRecipe) -> MergeRecipe {
    var recipe = recipe
    for model in models {
      for index in recipe.models.indices where recipe.models[index].name == model.name {
        recipe.models[index].amplification = model.factors.values
      }
    }
    return recipe
  }
}
