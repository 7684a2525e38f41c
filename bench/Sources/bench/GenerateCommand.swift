public import ArgumentParser
import Glibc
public import ModelFamilies
import Platform

extension ElementType: ExpressibleByArgument {}
extension DeltaSize: ExpressibleByArgument {}

/// `bench generate`: writes a family of checkpoints.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Writes a base model and fine-tunes of it, made from a seed.",
    discussion: """
      Shapes: tiny, 40mb, one-big (one linear of 400 MB, 1 GB in all), llama-1.1b, llama-13b, \
      llama-405b, moe-1t (a mixture of 384 experts in 61 layers). A dimension \
      given as an option replaces that of the shape. Files that are there with the right size are kept.
      """)

  @Option(help: "Folder of the family; the models become folders in it.")
  var out: String
  @Option(help: "One of the shapes below, or custom.")
  var shape = "llama-1.1b"
  @Option(help: "Decoder layers.") var layers: Int?
  @Option(help: "Width of the residual stream.") var hidden: Int?
  @Option(help: "Width inside the feed-forward part.") var intermediate: Int?
  @Option(help: "Rows of embedding and head.") var vocab: Int?
  @Option(help: "Attention heads.") var heads: Int?
  @Option(help: "Heads with keys and values of their own.") var kvHeads: Int?
  @Option(help: "Adds a linear of this size to the first layer, such as 400MB.")
  var largestTensor: ByteSize?
  @Option(
    help: "Only so many layers have weights of their own: layer i has those of layer i mod this.")
  var distinctLayers: Int?
  @Option(help: "Experts of each layer but the first.") var experts: Int?
  @Option(help: "Width inside an expert.") var expertIntermediate: Int?
  @Flag(help: "All weights are zeros that take no space: for plans, not for merges.") var sparse =
    false
  @Option(help: "BF16, F16 or F32.") var dtype: ElementType = .bf16
  @Option(help: "How many fine-tuned models.") var models = 2
  @Option(help: "How far they are from the base: light or heavy.") var delta: DeltaSize = .light
  @Option(help: "Most data in one file.") var shardsOf = ByteSize(gigabytes: 2)
  @Option(help: "Decides every value.") var seed: UInt64 = 0
  @Option(help: "Threads; the bytes do not depend on them.")
  var threads = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
  @Flag(help: "Write files anew that are there already.") var force = false

  func validate() throws {
    guard models >= 1, threads >= 1, shardsOf.bytes >= 1 else {
      throw ValidationError("--models, --threads and --shards-of must be at least 1.")
    }
    let wanted = try wantedShape()
    if let problem = wanted.problem { throw ValidationError("\(problem).") }
    if wanted.experts > 0 && wanted.expertIntermediate < 1 {
      throw ValidationError("--experts needs --expert-intermediate.")
    }
    guard let distinctLayers else { return }
    if sparse { throw ValidationError("--sparse and --distinct-layers do not go together.") }
    if distinctLayers < 1 { throw ValidationError("--distinct-layers must be at least 1.") }
    if wanted.largestTensorBytes > 0 {
      throw ValidationError("--distinct-layers needs layers that are alike: no --largest-tensor.")
    }
  }

  private func wantedShape() throws -> ModelShape {
    var wanted: ModelShape
    if let named = ModelShape.named[shape] {
      wanted = named
    } else if shape == "custom" {
      guard let layers, let hidden, let intermediate, let vocab, let heads else {
        throw ValidationError(
          "--shape custom needs --layers, --hidden, --intermediate, --vocab and --heads.")
      }
      wanted = ModelShape(
        layers: layers, hidden: hidden, intermediate: intermediate, vocabulary: vocab,
        heads: heads, keyValueHeads: kvHeads ?? heads)
    } else {
      let known = ModelShape.named.keys.sorted().joined(separator: ", ")
      throw ValidationError("No shape '\(shape)'; there are \(known) and custom.")
    }
    wanted.layers = layers ?? wanted.layers
    wanted.hidden = hidden ?? wanted.hidden
    wanted.intermediate = intermediate ?? wanted.intermediate
    wanted.vocabulary = vocab ?? wanted.vocabulary
    wanted.heads = heads ?? wanted.heads
    wanted.keyValueHeads = kvHeads ?? wanted.keyValueHeads
    wanted.largestTensorBytes = largestTensor?.bytes ?? wanted.largestTensorBytes
    wanted.experts = experts ?? wanted.experts
    wanted.expertIntermediate = expertIntermediate ?? wanted.expertIntermediate
    return wanted
  }

  func run() throws {
    let wanted = try wantedShape()
    let layout =
      distinctLayers.map {
        CheckpointLayout(shape: wanted, type: dtype, distinctLayers: $0)
      } ?? CheckpointLayout(shape: wanted, type: dtype, shardBytes: shardsOf.bytes)
    let writer = FamilyWriter(
      layout: layout, size: delta, seed: seed, threads: threads, isSparse: sparse)
    for model in 0...models {
      let name = FamilyWriter.modelName(model)
      let clock = ContinuousClock()
      let start = clock.now
      let outcome = try writer.write(to: "\(out)/\(name)", model: model, force: force)
      let time = start.duration(to: clock.now)
      let size = "\(layout.fileByteCount) bytes in \(layout.shards.count) file(s)"
      var sharing = ""
      if outcome.shared > 0 {
        sharing = ", \(outcome.shared) shared by reflinks,"
      } else if distinctLayers != nil && outcome.written > 0 {
        sharing = " (no reflinks: repeated layers too)"
      }
      print("\(out)/\(name): \(size), \(outcome.written) written\(sharing) in \(time)")
    }
  }
}
