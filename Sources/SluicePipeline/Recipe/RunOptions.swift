public import SluiceCore
public import SluiceKernels
public import SluiceStages

/// Everything that cannot change a byte of the merged checkpoint: how fast, in how much memory.
public struct RunOptions: Sendable, Hashable {
  /// The bytes that buffers, windows and tables may hold at once.
  public var memory = ByteCount.mebibytes(512)
  /// The number of lanes that compute; fewer run if memory does not allow for them.
  public var threads: Int
  /// How input files are read.
  public var io: InputMode = .mmap
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

  /// Makes the default options for a machine.
  ///
  /// - Parameter threads: The number of lanes.
  public init(threads: Int) {
    self.threads = threads
  }
}
