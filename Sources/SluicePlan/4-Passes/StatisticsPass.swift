internal import SluiceKernels
package import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Counts tensors for a stage of the recipe's own that asks for statistics: of deltas as everything before
/// it leaves them.
///
/// Answers that an earlier attempt recorded are not asked for again.
package struct StatisticsPass: CountingPass {
  private let transform: any DeltaTransform
  private let place: TransformPlace
  /// The position among the recipe's own transforms.
  private let position: Int
  /// The position among those that ask for statistics.
  private let number: Int
  package let stages: [String]

  /// The passes for the transforms of a place.
  package static func passes(after place: TransformPlace, _ inputs: PassInputs) -> [StatisticsPass]
  {
    let all = inputs.recipe.stages.placed
    let asking = all.indices.filter { !all[$0].transform.stage.needs.statistics.isEmpty }
    return asking.enumerated().filter { all[$1].place == place }.map { number, position in
      StatisticsPass(
        transform: all[position].transform.stage, place: place, position: position, number: number,
        stages: inputs.stageNames(through: place, before: position))
    }
  }

  package var name: String { "survey for \(transform.name)" }
  package var reason: String {
    let list = transform.needs.statistics.map(\.name).joined(separator: ", ")
    return "\(transform.name) asks for \(list) of each tensor"
  }
  package var roles: Set<TensorRole> { Set<TensorRole>(transform.scope) }

  package var refinements: [RefinePass] { [refinement] }

  private var refinement: RefinePass {
    RefinePass(
      "for \(transform.name)", of: roles, after: stages, binCount: transform.needs.statistics.count)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int { countingBytes(sizes) }

  package func unitBytes(_ sizes: PassSizes) -> Int { sizes.histogramUnitBytes(in: roles) }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let models = 0..<plan.modelCount
    let needed = transform.needs.statistics
    let firstUnit = number * plan.taskCount
    var known: [[Int: [Double]]] = models.map { _ in [:] }
    var missing: [TensorTask] = []
    for task in tasks(plan) {
      if let values = executor.knownStatistics(unit: firstUnit + task.ordinal),
        values.count == models.count * needed.count
      {
        for model in models {
          known[model][task.ordinal] = Array(
            values[model * needed.count..<(model + 1) * needed.count])
        }
      } else {
        missing.append(task)
      }
    }
    if !missing.isEmpty {
      let survey = try executor.survey(
        self, of: missing, after: findings.transforms(through: place, before: position),
        in: .statistics(of: number), note: nil, foresee: nil)
      let values = try StatisticsPass.values(of: needed, missing, in: survey, refinement)
      for (index, task) in missing.enumerated() {
        for model in models { known[model][task.ordinal] = values[model][index] }
        executor.didFind(
          models.flatMap { values[$0][index] }, unit: firstUnit + task.ordinal)
      }
    }
    findings.setReady(TransformWithStatistics(transform, statistics: known), at: position)
  }

  /// For each model, the values for each tensor.
  private static func values(
    of statistics: [any TensorStatistic], _ tasks: [TensorTask], in survey: any HistogramSurvey,
    _ refinement: RefinePass
  ) throws -> [[[Double]]] {
    try survey.resolve(refinement, tasks.map { [$0] }) { _, whole, _ in
      var values: [Double] = []
      var missing = BinRequest()
      for statistic in statistics {
        do throws(MagnitudeHistogram.Unresolved) {
          values.append(try statistic.value(of: whole))
        } catch {
          missing.add(error.binBits)
        }
      }
      return missing.bins.isEmpty ? .success(values) : .failure(UnresolvedBins(request: missing))
    }
  }
}

extension CustomStages {
  /// The transforms in the order of the chain.
  var placed: [PlacedTransform] {
    TransformPlace.allCases.flatMap { place in transforms.filter { $0.place == place } }
  }

  /// Those that ask for statistics, in the order of their numbers.
  var asking: [any DeltaTransform] {
    placed.map(\.transform.stage).filter { !$0.needs.statistics.isEmpty }
  }
}
