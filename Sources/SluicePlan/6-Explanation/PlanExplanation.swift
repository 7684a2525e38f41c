/// What a plan does, or what a run of it did: the tree that `sluice plan` shows.
package struct PlanExplanation: Sendable, Hashable {
  /// A stage of the chain.
  package struct Stage: Sendable, Hashable {
    /// The name.
    package var name: String
    /// The settings, as a recipe writes them.
    package var settings: String
  }

  /// Stages that run fused on one kind of node.
  package struct Segment: Sendable, Hashable {
    /// The kind of its nodes.
    package var kind: NodeKind
    /// How many nodes of the kind there are.
    package var count: Int
    /// The stages, in order.
    package var stages: [String]
    /// The channel after it, if there is one.
    package var channel: Channel?
    /// What its nodes did, after a run.
    package var actual: SegmentActual?

    /// The name of the kind of nodes.
    package var node: String { kind.name }
  }

  /// A queued edge between segments: a bounded channel.
  package struct Channel: Sendable, Hashable {
    /// What travels.
    package var name: String
    /// How many channels of the kind there are.
    package var count: Int
    /// The most bytes that each holds.
    package var byteBound: Int
    /// What crossed the edge, after a run.
    package var actual: ChannelActual?
  }

  /// What crossed the channels of a kind, summed over them, and how long each side waited.
  package struct ChannelActual: Sendable, Hashable {
    /// How many elements.
    package var elementCount: Int
    /// Their bytes.
    package var byteCount: Int
    /// The seconds that senders waited for room, or for a buffer to fill.
    package var senderSeconds: Double
    /// The seconds that receivers waited for elements.
    package var receiverSeconds: Double

    package init(
      elementCount: Int, byteCount: Int, senderSeconds: Double, receiverSeconds: Double
    ) {
      self.elementCount = elementCount
      self.byteCount = byteCount
      self.senderSeconds = senderSeconds
      self.receiverSeconds = receiverSeconds
    }
  }

  /// What the nodes of a segment did, summed over them.
  package struct SegmentActual: Sendable, Hashable {
    /// The seconds of work.
    package var busySeconds: Double
    /// The seconds spent waiting for elements.
    package var inputSeconds: Double
    /// The seconds spent waiting for room for elements.
    package var outputSeconds: Double
    /// The seconds spent waiting for memory.
    package var memorySeconds: Double
    /// The bytes worked on, as far as the nodes count them.
    package var byteCount: Int

    package init(
      busySeconds: Double, inputSeconds: Double, outputSeconds: Double, memorySeconds: Double,
      byteCount: Int
    ) {
      self.busySeconds = busySeconds
      self.inputSeconds = inputSeconds
      self.outputSeconds = outputSeconds
      self.memorySeconds = memorySeconds
      self.byteCount = byteCount
    }
  }

  /// One pass over tensors.
  package struct Pass: Sendable, Hashable {
    /// The name.
    package var name: String
    /// Why the pass is needed.
    package var reason: String
    /// Whether it depends on the data if it is needed, so that its figures are upper bounds.
    package var isConditional: Bool
    /// How many tensors it looks at.
    package var tensorCount: Int
    /// The bytes of models read.
    package var bytesRead: Int
    /// The bytes of intermediate files written.
    package var bytesSpilled: Int
    /// The bytes of the merged model written.
    package var bytesWritten: Int
    /// What runs in it, in the order in which chunks pass.
    package var segments: [Segment]
    /// The time it is estimated to take, or took.
    package var seconds: Double
    /// What most of that time goes to: `reading`, `computing` or `writing`; empty if not known.
    package var bound = ""
  }

  /// How fast a machine was at one moment, in bytes a second of all lanes together.
  package struct Speed: Sendable, Hashable {
    /// Reading what is not in the page cache; 0 if all that was looked at is.
    package var disk = 0.0
    /// Reading what is in the page cache.
    package var cache = 0.0
    /// Counting deltas into histograms, in bytes of input.
    package var counting = 0.0
    /// Merging, in bytes of input.
    package var merging = 0.0
    /// Writing to the output's disk; 0 if that could not be tried.
    package var writing = 0.0
    /// The share of the inputs that is in the page cache.
    package var cachedShare = 1.0
  }

  /// A part of the memory.
  package struct MemoryPart: Sendable, Hashable {
    /// What it is for.
    package var name: String
    /// How many there are.
    package var count: Int
    /// The bytes of each.
    package var byteCount: Int

    /// The bytes of all of them.
    package var totalByteCount: Int { count.multipliedUpToLimit(by: byteCount) }
  }

  /// Whether it is about a run that took place.
  package var isActual = false
  /// The identity of the recipe.
  package var fingerprint = ""
  /// The names of the models, the base first, with their paths.
  package var models: [(name: String, path: String)] {
    zip(modelNames, modelPaths).map { ($0, $1) }
  }
  /// The names of the models, the base first.
  package var modelNames: [String] = []
  /// Their paths, in the same order.
  package var modelPaths: [String] = []
  /// The chain after expansion.
  package var stages: [Stage] = []
  /// What the tensors of the merged model are taken for.
  package var roles: [Role] = []
  /// The passes, in order.
  package var passes: [Pass] = []
  /// The parts of the memory.
  package var memory: [MemoryPart] = []
  /// The bytes that were allowed.
  package var memoryLimit = 0
  /// The smallest budget that works.
  package var smallestMemory = 0
  /// The most memory that the process had, after a run.
  package var peakMemory = 0
  /// How files are read; empty if that is not known.
  package var input = ""
  /// Why so.
  package var inputReason = ""
  /// How chunks come from reading to working: `fused` or `queued`; empty if that is not known.
  package var edges = ""
  /// Why so.
  package var edgesReason = ""
  /// How frames of what pass 1 keeps are compressed; empty if the models are read again.
  package var spillCodec = ""
  /// Why what pass 1 reads is kept, or not.
  package var spillReason = ""
  /// The directory of the merged model.
  package var output = ""
  /// The files of the merged model.
  package var fileCount = 0
  /// The bytes needed on its disk.
  package var bytesNeeded = 0
  /// The bytes free there; negative if that is not known.
  package var bytesFree = -1
  /// How fast the machine was, if that was measured.
  package var speed: Speed?
  /// The time of all, estimated or taken.
  package var seconds = 0.0
  /// Whether the estimate leaves something out: what solves for layers, and stages of one's own.
  package var isLowerBound = false

  init() {}

  /// The bytes of all parts of the memory.
  package var plannedMemory: Int { memory.reduce(0) { $0.addingUpToLimit($1.totalByteCount) } }
}
internal import SluiceCore
internal import SluiceRecipe
