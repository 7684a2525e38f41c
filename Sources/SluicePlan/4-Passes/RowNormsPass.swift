internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// A pass over whole rows of linear layers: the norm of each before and after the mask, and so what makes up
/// for what the mask removes of it.
package struct RowNormsPass: MaskedRowsPass {
  let maskStages: [String]
  private let factor: Double

  init(_ inputs: PassInputs) {
    maskStages = inputs.standIns.mask.transforms.map(\.name)
    factor = inputs.recipe.method.rowFactor
  }

  package var fileKind: UnitKind { .rowNorms }
  package var name: String { "row norms" }
  package var reason: String { "each row gets the norm back that the mask takes from it" }
  var node: NodeKind { NodeKind("row norms", bytes: .input) }
  var width: Int { 1 }

  func ruleBytes(_ tasks: [TensorTask]) -> Int { 0 }

  func makeRule(
    _ tasks: [TensorTask], _ findings: PassFindings, kernels: Kernels
  ) -> any RowRule { NormRule(factor: factor, kernels: kernels) }

  func take(_ store: RowNumberStore, _ findings: inout PassFindings) {
    findings.inputs.rowFactors = store
  }
}

/// The factor that restores a row's norm.
private final class NormRule: RowRule {
  private let factor: Double
  private let squares: SquareSum

  init(factor: Double, kernels: Kernels) {
    self.factor = factor
    squares = SquareSum(kernels)
  }

  func begin(_ task: TensorTask, model: Int) {}

  func find(
    _ deltas: UnsafePointer<Float>, _ kept: UnsafePointer<Float>, rowCount: Int, count: Int,
    into numbers: UnsafeMutablePointer<Double>
  ) {
    for row in 0..<rowCount {
      let first = row * count
      // SAFETY: the caller guarantees `count` elements of each row, and room for a number of each.
      unsafe numbers[row] = unsafe Double(
        RowScaleStage.factor(
          whole: squares.of(deltas + first, count: count),
          kept: squares.of(kept + first, count: count), times: factor))
    }
  }
}
