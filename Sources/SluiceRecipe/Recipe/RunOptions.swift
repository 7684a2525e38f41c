public import SluiceCore
package import SluiceFormats
package import SluiceKernels
package import SluiceStages

/// Everything that cannot change a byte of the merged checkpoint: how fast, in how much memory.
public struct RunOptions: Sendable, Hashable {
  /// The bytes that buffers, windows and tables may hold at once.
  public var memory = ByteCount.mebibytes(512)
  /// The number of lanes that compute; fewer run if memory does not allow for them.
  public var threads: Int
  /// How input files are read; nil lets the planner choose.
  package var io: InputMode?
  /// How chunks come from reading to working.
  package var edges: EdgeOption = .auto
  /// Whether what the second pass needs of the models is kept by the first.
  package var spill: SpillOption = .auto
  /// Where it is kept; in the work directory if nil.
  package var spillDirectory: String?
  /// The directory of the output, if it is known: there the spill is kept unless it is said otherwise.
  package var output: String?
  /// The most bytes that it may take.
  package var spillLimit: ByteCount?
  /// Which vector units are used.
  package var vectorLevel: VectorLevel = .best
  /// The number of elements in a strip; tests make it small to have many.
  package var stripElements = Granularity.standardStripElements
  /// The most elements in a chunk; nil lets the planner choose.
  package var chunkElements: Int?
  /// Whether the work of an earlier attempt is thrown away.
  package var startsOver = false
  /// How much of the work of earlier attempts is read again before it is relied on.
  package var resumeCheck: ResumeCheck = .sample
  /// How inputs are compared with those of earlier attempts.
  package var inputCheck: InputCheck = .change
  /// How often finished work is recorded.
  package var journalPace = JournalPace()
  /// How the recipe in the output names what lies on this machine.
  package var recipePaths = WrittenPaths.Form.relative
  /// Whether a page for the hub is written beside the model.
  package var writesCard = false
  /// Whether the tokenizer's files are copied, where nothing is done to them.
  package var copiesTokenizer = true
  /// Whether it is noted how tensors are changed.
  package var measuresChanges = true
  /// What was noticed of the recipe when it was read: shown and kept with the warnings of the plan.
  package var notes: [Warning] = []
  /// Whether finished work is recorded at all; without, an attempt begins from the beginning.
  package var isJournaled = true

  /// How input files are read.
  package enum InputOption: String, Sendable, Hashable, CaseIterable {
    /// Whichever is expected to be faster.
    case auto
    case pread, mmap, direct

    /// What is asked for, if anything is.
    package var mode: InputMode? { InputMode(rawValue: rawValue) }
  }

  /// How the edge between reading and working is crossed.
  package enum EdgeOption: String, Sendable, Hashable, CaseIterable {
    /// Whichever is expected to be faster.
    case auto
    /// A lane reads a chunk and works on it.
    case fused
    /// A reader for each lane reads ahead and sends chunks through a channel.
    case queued
  }

  /// Whether the second pass reads the models again, or what the first kept of them.
  package enum SpillOption: Sendable, Hashable {
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
  package var spillPlace: String? { spillDirectory ?? output }
}

/// How much of what earlier attempts finished is read again before a run goes on.
package enum ResumeCheck: String, Sendable, Hashable, CaseIterable {
  /// What was finished last, and one in so many of the others; all of it if one is damaged.
  case sample
  /// All of it.
  case all
  /// None of it.
  case none
}

/// How the inputs of an attempt are compared with those of the one before; lengths, times, headers and
/// samples always are.
package enum InputCheck: String, Sendable, Hashable, CaseIterable {
  /// Where a file was not moved, also by the time of its last change of any kind, which nobody can set.
  case change
  /// By all of their bytes, if the first attempt read them all, too.
  case all
  /// By nothing more.
  case samples
}

/// When a group of records is committed to the journal.
package struct JournalPace: Sendable, Hashable {
  /// At the latest so long after the first unit of the group was finished.
  package var interval: Duration = .seconds(1)
  /// As soon as the group stands for so many bytes of work.
  package var workByteLimit = 1 << 30
  /// As soon as it has so many records, which wait in memory.
  package var recordLimit = 4096
  /// Whether histograms may wait in memory until the group that speaks of them is committed.
  package var gathersHistograms = true

  /// The pace of a normal run.
  package init() {}
}
