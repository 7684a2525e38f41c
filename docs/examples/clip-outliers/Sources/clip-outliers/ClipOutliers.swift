import Sluice

/// Clips what lies beyond a quantile of a tensor's |delta| to that quantile.
struct ClipOutliers: DeltaTransform {
  /// The share of elements that is left as it is.
  let share: Double

  var name: String { "clip-outliers" }
  var scope: TransformScope { .all }
  var needs: StageNeeds { StageNeeds(statistics: [MagnitudeQuantile(share: share)]) }

  func makeLane(model: Int, kernels: Kernels) -> any LaneTransform { Lane() }

  private final class Lane: LaneTransform {
    private var limit: Float = 0

    func begin(_ strip: Strip, statistics: [Double]) {
      // Exact: the quantile is one of the deltas.
      limit = Float(statistics[0])
    }

    func apply(to tile: DeltaTile) {
      // Safety: a tile holds `count` deltas.
      let deltas = unsafe UnsafeMutableBufferPointer(start: tile.values, count: tile.count)
      for index in deltas.indices {
        unsafe deltas[index] = min(max(deltas[index], -limit), limit)
      }
    }
  }
}
