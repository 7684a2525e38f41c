/// What a plan does, or what a run of it did: the tree that `sluice plan` shows.
public struct PlanExplanation: Sendable, Hashable {
  /// A stage of the chain.
  public struct Stage: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The settings, as a recipe writes them.
    public var settings: String
  }

  /// Stages that run fused on one kind of node.
  public struct Segment: Sendable, Hashable {
    /// The kind of node: `read`, `work` or `write`.
    public var node: String
    /// How many nodes of the kind there are.
    public var count: Int
    /// The stages, in order.
    public var stages: [String]
    /// The channel behind it, if there is one.
    public var channel: Channel?
    /// What its nodes did, after a run.
    public var actual: SegmentActual?
  }

  /// A bounded channel between segments.
  public struct Channel: Sendable, Hashable {
    /// What travels.
    public var name: String
    /// How many elements each can hold.
    public var capacity: Int
    /// How many channels of the kind there are.
    public var count: Int
    /// The most bytes of an element.
    public var elementByteCount: Int
  }

  /// What the nodes of a segment did, summed over them.
  public struct SegmentActual: Sendable, Hashable {
    /// The seconds of work.
    public var busySeconds: Double
    /// The seconds spent waiting for elements.
    public var inputSeconds: Double
    /// The seconds spent waiting for room for elements.
    public var outputSeconds: Double
    /// The seconds spent waiting for memory.
    public var memorySeconds: Double
    /// The bytes worked on, as far as the nodes count them.
    public var byteCount: Int
  }

  /// One pass over tensors.
  public struct Pass: Sendable, Hashable {
    /// The name.
    public var name: String
    /// Why the pass is needed.
    public var reason: String
    /// Whether it depends on the data if it is needed, so that its figures are upper bounds.
    public var isConditional: Bool
    /// How many tensors it looks at.
    public var tensorCount: Int
    /// The bytes of models read.
    public var bytesRead: Int
    /// The bytes of intermediate files written.
    public var bytesSpilled: Int
    /// The bytes of the merged model written.
    public var bytesWritten: Int
    /// What runs in it, in the order in which chunks pass.
    public var segments: [Segment]
    /// The time it is estimated to take, or took.
    public var seconds: Double
    /// What most of that time goes to: `reading`, `computing` or `writing`; empty if not known.
    public var bound = ""
  }

  /// How fast a machine was at one moment, in bytes a second of all lanes together.
  public struct Speed: Sendable, Hashable {
    /// Reading what is not in the page cache; 0 if all that was looked at is.
    public var disk = 0.0
    /// Reading what is in the page cache.
    public var cache = 0.0
    /// Counting deltas into spectra, in bytes of input.
    public var counting = 0.0
    /// Merging, in bytes of input.
    public var merging = 0.0
    /// Writing to the output's disk; 0 if that could not be tried.
    public var writing = 0.0
    /// The share of the inputs that is in the page cache.
    public var cachedShare = 1.0
  }

  /// A part of the memory.
  public struct MemoryPart: Sendable, Hashable {
    /// What it is for.
    public var name: String
    /// How many there are.
    public var count: Int
    /// The bytes of each.
    public var byteCount: Int

    /// The bytes of all of them.
    public var totalByteCount: Int { count.multipliedUpToLimit(by: byteCount) }
  }

  /// Whether it is about a run that took place.
  public var isActual = false
  /// The identity of the recipe.
  public var fingerprint = ""
  /// The names of the models, the base first, with their paths.
  public var models: [(name: String, path: String)] { zip(modelNames, modelPaths).map { ($0, $1) } }
  /// The names of the models, the base first.
  public var modelNames: [String] = []
  /// Their paths, in the same order.
  public var modelPaths: [String] = []
  /// The chain after expansion.
  public var stages: [Stage] = []
  /// The passes, in order.
  public var passes: [Pass] = []
  /// The parts of the memory.
  public var memory: [MemoryPart] = []
  /// The bytes that were allowed.
  public var memoryLimit = 0
  /// The smallest budget that works.
  public var smallestMemory = 0
  /// The most memory that the process had, after a run.
  public var peakMemory = 0
  /// How frames of what pass 1 keeps are compressed; empty if the models are read again.
  public var spillCodec = ""
  /// Why what pass 1 reads is kept, or not.
  public var spillReason = ""
  /// The directory of the merged model.
  public var output = ""
  /// The files of the merged model.
  public var fileCount = 0
  /// The bytes needed on its disk.
  public var bytesNeeded = 0
  /// The bytes free there; negative if that is not known.
  public var bytesFree = -1
  /// How fast the machine was, if that was measured.
  public var speed: Speed?
  /// The time of all, estimated or taken.
  public var seconds = 0.0
  /// Whether the estimate leaves something out: what solves for layers, and stages of one's own.
  public var isLowerBound = false

  init() {}

  /// The bytes of all parts of the memory.
  public var plannedMemory: Int { memory.reduce(0) { $0.addingUpToLimit($1.totalByteCount) } }
}
