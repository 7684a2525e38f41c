internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Counts deltas, and finds the bands of each tensor's magnitudes that stay: the largest, or those below them.
package struct BandPass: CountingPass, FilePass {
  private let setup: StepSetup
  private let isMiddle: Bool

  init(_ inputs: PassInputs) {
    guard let setup = inputs.steps else {
      preconditionFailure("bands are asked for by methods with numbers of their own")
    }
    self.setup = setup
    isMiddle = inputs.recipe.steps?.method.sparsity == .middle
  }

  package var fileKind: UnitKind { .bandStatistics }
  package var name: String { "bands" }
  package var reason: String {
    isMiddle
      ? "each tensor loses its smallest and largest deltas" : "each tensor keeps its largest deltas"
  }
  package var roles: Set<TensorRole> { [.linear, .dense] }
  package var stages: [String] { [] }

  /// Those of which some model loses deltas.
  package func tasks(among tasks: [TensorTask]) -> [TensorTask] {
    tasks.filter { task in
      roles.contains(task.role)
        && task.fineTuned.indices.contains { setup.number("density", task, model: $0) < 1 }
    }
  }
  package var refinements: [RefinePass] { [refinement] }

  private var refinement: RefinePass { RefinePass("bands", of: roles, after: [], binCount: 2) }

  package func unitBytes(_ sizes: PassSizes) -> Int { sizes.histogramUnitBytes(in: roles) }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let tasks = tasks(executor.plan)
    let survey = try executor.survey(
      self, of: tasks, after: findings.transforms(through: .delta), in: fileKind,
      note: nil, foresee: nil)
    let layers = try survey.resolve(refinement, tasks.map { [$0] }) {
      [setup, isMiddle] layer, whole, strips in
      let kept = Band.kept(
        of: whole.elementCount,
        density: setup.number("density", layer.tasks[0], model: layer.model),
        gamma: isMiddle ? setup.number("gamma", layer.tasks[0], model: layer.model) : nil)
      return Result { () throws(UnresolvedBins) in
        var cuts: [LayerCuts] = []
        var missing = BinRequest()
        for count in kept {
          do throws(MagnitudeHistogram.Unresolved) {
            cuts.append(
              LayerCuts(try whole.cut(keeping: count, tieBreak: .spread), strips: strips))
          } catch {
            missing.add(error.binBits)
          }
        }
        guard missing.bins.isEmpty else { throw UnresolvedBins(request: missing) }
        return cuts
      }
    }
    findings.inputs.bands = Bands(
      Dictionary(
        uniqueKeysWithValues: tasks.enumerated().map { position, task in
          (task.ordinal, layers.map { $0[position] })
        }))
  }
}

/// The cuts of each tensor, for each model: none, one or two.
private struct Bands: CutSource {
  private let layers: [Int: [[LayerCuts]]]

  init(_ layers: [Int: [[LayerCuts]]]) { self.layers = layers }

  /// At most two.
  var partitionCount: Int { 2 }

  func cuts(of strip: Strip, model: Int) -> [StripCut] {
    layers[strip.task.ordinal]?[model].flatMap { $0.cuts(ofStrip: strip.index) } ?? []
  }
}
