/// The sizes in which tensors are cut.
///
/// Only the strip is part of what a run is; the others may change from run to run.
package struct Granularity: Sendable, Hashable {
  /// Every chunk border is a multiple of this many elements, so that whatever is computed for a
  /// grain of the output is the same at every chunk size.
  package static let grainElements = 1 << 16
  /// The number of elements that pass through the kernels at once: the buffers of a few models fit the
  /// first-level cache.
  package static let tileElements = 1024

  /// The most elements of the small tensors that a lane gets together: as many as are worth writing at
  /// once.
  package static let runElements = 1 << 19
  /// The most tensors of a run: until it is written, what is known of each takes memory.
  package static let runTensors = 64

  /// The number of elements in a strip, unless tests say another.
  package static let standardStripElements = 1 << 25

  /// The number of elements in a strip: the unit that one lane works through in order, that is
  /// counted into one histogram, and that a journal knows as finished.
  package let stripElements: Int
  /// The number of elements in a chunk: what a lane reads at once.
  package let chunkElements: Int

  /// Chooses sizes.
  ///
  /// - Parameters:
  ///   - stripElements: The number of elements in a strip, a multiple of a grain.
  ///   - chunkElements: The number of elements in a chunk, a multiple of a grain.
  package init(stripElements: Int = standardStripElements, chunkElements: Int) {
    precondition(stripElements > 0 && stripElements % Granularity.grainElements == 0)
    precondition(chunkElements > 0 && chunkElements % Granularity.grainElements == 0)
    self.stripElements = stripElements
    self.chunkElements = chunkElements
  }

  /// The number of strips in a tensor; an empty tensor has one, so that it is written like others.
  ///
  /// - Parameter elementCount: The number of elements in the tensor.
  /// - Returns: At least 1.
  package func stripCount(of elementCount: Int) -> Int {
    max(1, (elementCount + stripElements - 1) / stripElements)
  }
}

/// A run of contiguous elements of one tensor that one lane works through from first to last.
public struct Strip: Sendable, Hashable {
  /// The tensor.
  public let task: TensorTask
  /// The position among the strips of the tensor.
  public let index: Int
  /// The elements, as positions in the tensor.
  public let elements: Range<Int>
  /// Whether it is the tensor's last.
  public let isLast: Bool
  /// Whether it is the last of those that a lane gets together.
  package var endsRun = true
  /// Whether what is found of the strip, and of those before it in the run, must be kept once it is through.
  package var isAwaited: Bool { endsRun || mayComeAgain }
  /// Which look of the pass at the strip this is.
  package var look = Visit.first
  /// Whether what is found of the strip decides if the pass looks at its tensor again.
  package var mayComeAgain = false

  /// A pass that makes a store looks at a strip a second time if too little was kept of it the first time, or if
  /// there was nothing to find out.
  package enum Visit: Sendable, Hashable {
    /// The first, in most passes the only one.
    case first
    /// The second.
    case second
  }

  /// Makes a strip of a tensor.
  package init(_ task: TensorTask, index: Int, granularity: Granularity) {
    self.task = task
    self.index = index
    let start = index * granularity.stripElements
    elements = start..<min(start + granularity.stripElements, task.elementCount)
    isLast = elements.upperBound == task.elementCount
  }

  /// The strip for the second look at it.
  package var again: Strip {
    var strip = self
    (strip.look, strip.mayComeAgain) = (.second, false)
    return strip
  }

  /// The position in the run's numbering of strips.
  package var ordinal: Int { task.firstStrip + index }
}
