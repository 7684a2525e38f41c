internal import SluicePlan
internal import SluiceRun
package import SluiceRecipe

/// What a search found.
package struct SearchResult: Sendable, Hashable {
  /// The version of `search.json`.
  package static let version = 1
  /// The name of the file in the search's output.
  package static let fileName = "search.json"
  /// The name of the recipe with the factors filled in.
  package static let recipeName = "recipe.yaml"
  /// The directory of the best candidates, if they are kept.
  package static let bestName = "best"

  /// A candidate on the way.
  package struct Step: Sendable, Hashable {
    /// What asked for it: `1`, `2`, `rule5` or `joint`.
    package var method: String
    /// The factors.
    package var factors: Factors
    /// Its scores.
    package var tasks: TaskScores
    /// Its Domain-Ratio; 0 for one that could not be evaluated.
    package var domainRatio: Double
    /// How long the evaluator took, in seconds.
    package var seconds: Double
  }

  /// What was found for a model.
  package struct Model: Sendable, Hashable {
    /// The name.
    package var name: String
    /// The method whose result it is.
    package var method: String
    /// The overall rates of the partitions, most severe first.
    package var partitionRates: [Double]
    /// The best factors.
    package var factors: Factors
    /// Their Domain-Ratio.
    package var domainRatio: Double
    /// The scores of the dense model.
    package var dense: TaskScores
    /// The candidates in the order in which the strategy asked for them.
    package var trajectory: [Step]
    /// How many candidates were evaluated beside those: guesses, and those of other searches.
    package var otherEvaluations = 0
    /// What should be known about it.
    package var warnings: [String] = []
  }

  /// The merge with all factors.
  package struct Merged: Sendable, Hashable {
    /// Its scores.
    package var tasks: TaskScores
    /// Its Domain-Ratio by model, over that model's tasks.
    package var domainRatios: [String: Double]
    /// How long the evaluator took, in seconds.
    package var seconds: Double
  }

  /// The evaluator's command.
  package var evaluator: String
  /// The pruning.
  package var prune: String
  /// The strategy.
  package var strategy: String
  /// The distance between factors.
  package var step: Double
  /// The last factor that was allowed.
  package var bound: Double
  /// What was found, in the order of the recipe.
  package var models: [Model]
  /// The merge, if it was evaluated.
  package var merged: Merged?
  /// The base's scores, if it was evaluated.
  package var base: TaskScores?
  /// The marked numbers that were searched in the place of factors: the factors of the only model, which is
  /// the merge, are their values, and its Domain-Ratio is the mean of the tasks' scores.
  package var numbers: [String] = []

  /// Fills the factors into a recipe.
  package func applied(to recipe: MergeRecipe) -> MergeRecipe {
    var recipe = recipe
    for model in models {
      for index in recipe.models.indices where recipe.models[index].name == model.name {
        recipe.models[index].amplification = model.factors.values
      }
    }
    return recipe
  }
}
