internal import ArgumentParser
internal import Glibc
internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe

struct MergekitCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "mergekit-yaml",
    abstract: "Merge as a recipe says, with the command line of mergekit.",
    discussion: """
      For scripts that call mergekit-yaml: the same arguments and flags. Flags about graphics cards, caches \
      and ways of loading cannot matter here; they are accepted, and named once. run has options of its own.

      Examples:
        sluice mergekit-yaml recipe.yaml merged --cuda --lazy-unpickle --copy-tokenizer
        sluice mergekit-yaml recipe.yaml merged --out-shard-size 2B --random-seed 7
      """)

  @Argument(
    help: "The recipe.", completion: .file(extensions: ["yaml", "yml", "json"]))
  var config: String

  @Argument(help: "The directory of the merged model.", completion: .directory)
  var out: String

  @Option(help: ArgumentHelp("The seed of methods that draw.", valueName: "number"))
  var randomSeed: UInt64?

  @Option(
    help: ArgumentHelp(
      "The most bytes of an output file; k, m and b stand for a thousand, a million and a billion.",
      valueName: "size"))
  var outShardSize: MergekitSize?

  @Option(
    name: [.customShort("j"), .customLong("num-threads")],
    help: ArgumentHelp("How many lanes compute.", valueName: "number"))
  var threadCount: Int?

  @Option(
    help: ArgumentHelp("Where models of the hub were downloaded to.", valueName: "dir"),
    completion: .directory)
  var transformersCache: String?

  @Flag(inversion: .prefixedNo, help: "Write README.md for the hub beside the model.")
  var writeModelCard = true

  @Flag(inversion: .prefixedNo, help: "Copy the tokenizer of the base.") var copyTokenizer = true

  @OptionGroup(title: "Accepted, and without effect") var others: MergekitFlags
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    try others.check()
    // SAFETY: no other thread has been started.
    if let transformersCache { unsafe setenv("HF_HUB_CACHE", transformersCache, 1) }
    let file = try RecipeInput.load(config)
    var recipe = file.recipe
    if let randomSeed { recipe.method.seed = randomSeed }
    if let outShardSize { recipe.method.shardSize = outShardSize.size }
    var options = file.runOptions
    if let threadCount {
      guard (1...1024).contains(threadCount) else {
        throw UsageError("the number of threads must lie in 1 ... 1024; it is \(threadCount)")
      }
      options.threads = threadCount
    }
    options.writesCard = writeModelCard
    options.copiesTokenizer = copyTokenizer
    let given = others.given
    if !given.isEmpty, !output.isQuiet, !output.isJSON {
      StandardError.writeLine(
        "note", .label, "\(given.joined(separator: ", ")): accepted; nothing depends on it here")
    }
    try Merge(recipe: recipe, options: options, out: out, output: output).run()
  }
}

/// A size as mergekit writes it: `5B` is five billion bytes.
struct MergekitSize: ExpressibleByArgument {
  let size: ByteCount

  init?(argument: String) {
    let units: [Character: Double] = ["k": 1e3, "m": 1e6, "b": 1e9]
    let unit = argument.lowercased().last.flatMap { units[$0] }
    let digits = unit == nil ? argument[...] : argument.dropLast()
    guard let number = Double(digits), number >= 0 else { return nil }
    let bytes = number * (unit ?? 1)
    guard bytes >= 1000, bytes < 0x1p62 else { return nil }
    size = ByteCount(Int(bytes))
  }
}

/// Flags of mergekit's that say how it works, and not what comes out.
struct MergekitFlags: ParsableArguments {
  @Flag(inversion: .prefixedNo, help: "Compute on a graphics card.") var cuda = false
  @Option(help: ArgumentHelp("Compute on this device.", valueName: "name")) var device: String?
  @Flag(inversion: .prefixedNo, help: "Keep what was computed on the card.")
  var lowCpuMemory = false
  @Flag(inversion: .prefixedNo, help: "Read PyTorch's files bit by bit.") var lazyUnpickle = false
  @Flag(inversion: .prefixedNo, help: "Read weights into the card.") var readToGpu = false
  @Flag(inversion: .prefixedNo, help: "Compute on several cards.") var multiGpu = false
  @Flag(help: "All that is about cards.") var gpuRich = false
  @Flag(inversion: .prefixedNo, help: "Write while computing.") var asyncWrite = false
  @Option(help: ArgumentHelp("How many write.", valueName: "number")) var writeThreads: Int?
  @Flag(inversion: .prefixedNo, help: "Allow several layers to be the same.")
  var cloneTensors = false
  @Flag(inversion: .prefixedNo, help: "Merge models of several architectures: what fits is merged.")
  var allowCrimes = false
  @Flag(inversion: .prefixedNo, help: "Run programs of models: none is run.")
  var trustRemoteCode = false
  @Option(help: ArgumentHelp("Where adapted models are kept: none are.", valueName: "dir"))
  var loraMergeCache: String?
  @Option(help: ArgumentHelp("What adapters are rounded to: nothing.", valueName: "type"))
  var loraMergeDtype: String?
  @Flag(inversion: .prefixedNo, help: "Write safetensors; PyTorch's files are not written.")
  var safeSerialization = true
  @Flag(inversion: .prefixedNo, help: "Cut rows off: not done, say vocabulary: base in the recipe.")
  var unsafeTruncateEmbeddings = false

  /// The flags that were given.
  var given: [String] {
    let all: [(String, Bool)] = [
      ("--cuda", cuda), ("--device", device != nil), ("--low-cpu-memory", lowCpuMemory),
      ("--lazy-unpickle", lazyUnpickle), ("--read-to-gpu", readToGpu), ("--multi-gpu", multiGpu),
      ("--gpu-rich", gpuRich), ("--async-write", asyncWrite),
      ("--write-threads", writeThreads != nil), ("--clone-tensors", cloneTensors),
      ("--allow-crimes", allowCrimes), ("--trust-remote-code", trustRemoteCode),
      ("--lora-merge-cache", loraMergeCache != nil), ("--lora-merge-dtype", loraMergeDtype != nil),
    ]
    return all.filter(\.1).map(\.0)
  }

  /// Refuses what would give another result than was asked for.
  func check() throws {
    guard safeSerialization else {
      throw UsageError(
        "--no-safe-serialization: only safetensors are written",
        remedy: "Leave the flag out.")
    }
    guard !unsafeTruncateEmbeddings else {
      throw UsageError(
        "--unsafe-truncate-embeddings: rows are not cut to those of the smallest model",
        remedy: "Add sluice: {vocabulary: base} to the recipe: the base's rows are kept.")
    }
  }
}
