package import SluiceKernels

/// Deltas that are computed in the place of being read: those of adapters.
///
/// Shared by all lanes; what a lane keeps from chunk to chunk lives in the `LaneDeltas` that it makes.
package protocol DeltaSource: Sendable {
  /// The bytes that a lane holds.
  var laneByteCount: Int { get }

  /// Makes the part that works in one lane.
  ///
  /// - Parameter kernels: The kernels to compute with.
  /// - Returns: The part.
  func makeLane(kernels: Kernels) -> any LaneDeltas
}

/// The part of a source of deltas that works in one lane.
package protocol LaneDeltas: AnyObject {
  /// Computes deltas.
  ///
  /// An element is the same bits in whatever runs a tensor is asked for.
  ///
  /// - Parameters:
  ///   - ordinal: The number of the deltas among those of the source.
  ///   - elements: The elements, as positions in the tensor, not empty.
  ///   - ground: What the deltas are added to: the run of the same elements, which may be shorter,
  ///     or have none.
  ///   - deltas: Receives them.
  /// - Returns: The number of bytes read.
  /// - Throws: What keeps them from being computed.
  func compute(
    _ ordinal: Int, _ elements: Range<Int>, ground: ChunkRun?,
    into deltas: UnsafeMutablePointer<Float>
  ) throws -> Int
}
