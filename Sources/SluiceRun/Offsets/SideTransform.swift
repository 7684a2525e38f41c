internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// Leaves deltas of one sign: the positive ones of the first model, the negative ones of the second.
///
/// A histogram knows magnitudes only. A model that is surveyed twice side by side, once for each sign,
/// has all of its signed deltas in two histograms; everything else becomes zero in either.
struct SideTransform: DeltaTransform {
  /// Counted as needs so that the planner finds room for the bins of every quantile.
  var needs: StageNeeds {
    StageNeeds(
      statistics: (1..<BinRequest.limit).map {
        MagnitudeQuantile(share: Double($0) / Double(BinRequest.limit))
      })
  }
  var name: String { "side" }
  var scope: TransformScope { .all }

  func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(keepsPositive: model == 0)
  }

  private final class Lane: LaneTransform {
    private let keepsPositive: Bool

    init(keepsPositive: Bool) { self.keepsPositive = keepsPositive }

    func begin(_ strip: Strip, statistics: [Double]) {}

    func apply(to block: DeltaTile) {
      // SAFETY: the block's values are as many as its count.
      let values = unsafe UnsafeMutableBufferPointer(start: block.values, count: block.count)
      if keepsPositive {
        for index in values.indices {
          let value = unsafe values[index]
          unsafe values[index] = value > 0 ? value : 0
        }
      } else {
        for index in values.indices {
          let value = unsafe values[index]
          unsafe values[index] = value < 0 ? value : 0
        }
      }
    }
  }
}
