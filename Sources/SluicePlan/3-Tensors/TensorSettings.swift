internal import SluiceArchitecture
internal import SluiceRecipe
internal import SluiceCore
internal import SluiceMethods
internal import SluiceStages

/// The numbers of a recipe that may differ from tensor to tensor, looked up for every tensor.
struct TensorSettings: RateSource, FactorSource {
  /// For each model, the rate of each tensor by the ordinal of its task; empty where all are equal.
  private let rates: [[PruningRate]]
  /// For each model, the weight of each tensor by the ordinal of its task.
  private let weights: [[Float]]
  private let method: MethodParameters
  /// The rate of all tensors of models without rates of their own.
  private let constantRate: PruningRate
  private let constantWeights: [Float]
  /// The most partitions of any tensor.
  let partitionCount: Int
  /// The fewest partitions of any tensor.
  let leastPartitionCount: Int

  init(_ recipe: MergeRecipe, tasks: [TensorTask]) {
    let isConstant = recipe.models.allSatisfy { $0.pruningRate == nil && $0.weightByTensor == nil }
    let blockCount =
      isConstant ? 0 : (tasks.compactMap { BlockName.number(of: $0.name) }.max() ?? -1) + 1
    let method = recipe.method
    rates = recipe.models.map { model in
      guard let number = model.pruningRate else { return [] }
      return tasks.map { task in
        number.value(for: task.name, blockCount: blockCount).flatMap(PruningRate.init)
          ?? method.pruningRate
      }
    }
    weights = recipe.models.map { model in
      guard let number = model.weightByTensor else { return [] }
      return tasks.map { task in
        Float(number.value(for: task.name, blockCount: blockCount) ?? model.weight)
      }
    }
    constantWeights = recipe.models.map { Float($0.weight) }
    self.method = method
    constantRate = method.pruningRate
    // Each pruned tensor has its own rates: linear layers, or what a random mask is for.
    let prunesAll = method.pruning.row.drawsMasks && method.maskScope == .all
    let pruned = tasks.filter { $0.role == .linear || ($0.role == .dense && prunesAll) }
      .map(\.ordinal)
    let distinct = Set(rates.flatMap { $0.isEmpty ? [method.pruningRate] : pruned.map($0.at) })
    let counts = distinct.map { method.partitionRates(of: $0).count }
    partitionCount = counts.max() ?? method.partitionRates.count
    leastPartitionCount = counts.min() ?? method.partitionRates.count
  }

  /// The pruning rate asked for of a tensor.
  func pruningRate(of task: TensorTask, model: Int) -> PruningRate {
    rates[model].isEmpty ? constantRate : rates[model][task.ordinal]
  }

  /// The rates of the partitions of a tensor, most severe first.
  func partitionRates(of task: TensorTask, model: Int) -> [PruningRate] {
    method.partitionRates(of: pruningRate(of: task, model: model))
  }

  /// What a tensor's deltas are multiplied by.
  func factor(of task: TensorTask, model: Int) -> Float {
    weights[model].isEmpty ? constantWeights[model] : weights[model][task.ordinal]
  }
}

extension Array {
  fileprivate func at(_ index: Int) -> Element { self[index] }
}
