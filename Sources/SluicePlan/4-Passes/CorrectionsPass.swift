internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceSolvers
internal import SluiceStages

/// A pass over whole rows of linear layers: for each the weights of directions that make up for what the mask
/// removes of it.
package struct CorrectionsPass: MaskedRowsPass {
  let maskStages: [String]
  private let size: SketchSize
  private let ridge: Double

  init(_ inputs: PassInputs) {
    maskStages = inputs.standIns.mask.transforms.map(\.name)
    size = inputs.sketchSize
    ridge = inputs.recipe.method.ridge
  }

  package var fileKind: UnitKind { .corrections }
  package var name: String { "corrections" }
  package var reason: String {
    "what is kept of each row makes up for what the mask removes, along the directions"
  }
  package var cost: PassCost { .unknown }
  var node: NodeKind { NodeKind("corrections", bytes: .input) }
  var width: Int { size.rank }

  func ruleBytes(_ tasks: [TensorTask]) -> Int {
    RowCompensation.byteCount(
      columnCount: tasks.map(\.columnCount).max() ?? 0, rank: size.rank)
      + 16 * size.mostPanelNumbers(tasks)
  }

  func makeRule(
    _ tasks: [TensorTask], _ findings: PassFindings, kernels: Kernels
  ) -> any RowRule {
    CompensationRule(
      RowCompensation(
        columnCount: tasks.map(\.columnCount).max() ?? 0, rank: size.rank, ridge: ridge,
        kernels: kernels), findings.inputs.directions, stride: width)
  }

  func take(_ store: RowNumberStore, _ findings: inout PassFindings) {
    findings.inputs.corrections = store
  }
}

/// The weights that make up for what a mask removes.
private final class CompensationRule: RowRule {
  private let compensation: RowCompensation
  private let source: (any DirectionSource)?
  private let stride: Int
  private var directions = Directions.none
  private var byInputs: [Double] = []
  private var owner: (task: Int, model: Int)?

  init(_ compensation: RowCompensation, _ source: (any DirectionSource)?, stride: Int) {
    self.compensation = compensation
    self.source = source
    self.stride = stride
  }

  func begin(_ task: TensorTask, model: Int) throws {
    guard owner ?? (-1, -1) != (task.ordinal, model), let source else { return }
    (owner, directions, byInputs) = (nil, .none, [])
    directions = try source.directions(of: task, model: model)
    byInputs = directions.byInputs
    owner = (task.ordinal, model)
  }

  func find(
    _ deltas: UnsafePointer<Float>, _ kept: UnsafePointer<Float>, rowCount: Int, count: Int,
    into numbers: UnsafeMutablePointer<Double>
  ) {
    // SAFETY: the directions have a row for each element of a row.
    unsafe directions.panels.withUnsafeBufferPointer { panels in
      unsafe byInputs.withUnsafeBufferPointer { matrix in
        guard let panels = panels.baseAddress, let matrix = matrix.baseAddress else { return }
        unsafe compensation.solve(
          deltas, kept, rowCount: rowCount, count: count, along: panels, matrix,
          width: directions.width, into: numbers, stride: stride)
      }
    }
  }
}
