public import SluiceCore
public import SluiceFormats
public import SluiceKernels
public import SluiceStages

/// Everything that cannot change a byte of the merged checkpoint: how fast, in how much memory.
public struct RunOptions: Sendable, Hashable {
  /// The bytes that buffers, windows and tables may hold at once.
  public var memory = ByteCount.mebibytes(512)
  /// The number of lanes that compute; fewer run if memory does not allow for them.
  public var threads: Int
  /// How input files are read.
  public var io: InputMode = .pread
  /// Whether what the second pass needs of the models is kept by the first.
  public var spill: SpillOption = .auto
  /// Where it is kept; in the work directory if nil.
  public var spillDirectory: String?
  /// The directory of the output, if it is known: there the spill is kept unless it is said otherwise.
  public var output: String?
  /// The most bytes that it may take.
  public var spillLimit: ByteCount?
  /// Which vector units are used.
  public var vectorLevel: VectorLevel = .best
  /// The number of elements in a strip; tests make it small to have many.
  public var stripElements = 1 << 25
  /// The most elements in a chunk; nil lets the planner choose.
  public var chunkElements: Int?
  /// Whether the work of an earlier attempt is thrown away.
  public var startsOver = false
  /// How much of the work of earlier attempts is read again before it is relied on.
  public var resumeCheck: ResumeCheck = .sample
  /// How often finished work is recorded.
  public var journalPace = Journal.Pace()
  /// Whether finished work is recorded at all; without, an attempt begins from the beginning.
  public var isJournaled = true

  /// Whether the second pass reads the models again, or what the first kept of them.
  public enum SpillOption: Sendable, Hashable {
    /// Whichever is expected to be faster.
    case auto
    /// It reads the models again.
    case off
    /// It reads what was kept, compressed in this way.
    case on(FrameCodec)
  }

  /// Makes the default options for a machine.
  ///
  /// - Parameter threads: The number of lanes.
  public init(threads: Int) {
    self.threads = threads
  }

  /// Where a spill would be, if that is known.
  var spillPlace: String? { spillDirectory ?? output }
}
