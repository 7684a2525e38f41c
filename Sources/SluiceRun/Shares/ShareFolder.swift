internal import Glibc
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// Where the files of a shared run lie, in the work directory of its output.
///
///     OUT/.sluice/shares.json                      what the run is; written last, by `prepare`
///     OUT/.sluice/recipe.yaml                      the recipe, with the paths of the machine that prepared it
///     OUT/.sluice/RUN/files/...                    the shards, in their full length
///     OUT/.sluice/RUN/plan/0017                    what a process must know to do a share
///     OUT/.sluice/RUN/plan/layers                  what it must know to put surveys together
///     OUT/.sluice/RUN/survey/0017.spectra          the histograms of a share
///     OUT/.sluice/RUN/survey/0017.strips           where they lie in it
///     OUT/.sluice/RUN/survey/0017.done             what rates follow from
///     OUT/.sluice/RUN/survey/rates                 the rates of all layers
///     OUT/.sluice/RUN/trim/...                     the same for the trim of the original TIES: spectra, done, bins
///     OUT/.sluice/RUN/threshold/...                done, cuts
///     OUT/.sluice/RUN/majority/...                 done, majority
///     OUT/.sluice/RUN/merge/0017.done              the sums of the merged strips, and what reports say
///     OUT/.sluice/RUN/PHASE/0017.ATTEMPT/journal   what one process has finished of a share
///     OUT/.sluice/RUN/survey/0017.ATTEMPT/spill    what a survey kept of the models, if the run spills
///
/// RUN is the beginning of the identity and the number of shares, so that what belongs to another recipe, to
/// other inputs or another version never meets. A file with a name of its own is a function of run, phase and
/// share, whoever wrote it: it is written aside and renamed. What is in the directory of an attempt has one writer,
/// ever.
struct ShareFolder {
  static let descriptionName = "shares.json"
  static let recipeName = "recipe.yaml"

  let output: String
  let identity: Hash128
  let shareCount: Int

  var work: String { "\(output)/\(RunFile.workDirectory)" }
  var run: String { "\(work)/\(identity.hexadecimal.prefix(16))-\(shareCount)" }
  var files: String { "\(run)/files" }

  func phase(_ phase: SharePhase) -> String { "\(run)/\(phase.rawValue)" }

  /// What is left of a share when it is done.
  func done(_ phase: SharePhase, _ share: Int) -> String {
    "\(self.phase(phase))/\(ShareFolder.name(of: share)).done"
  }

  /// Where the histograms of a share lie.
  func strips(_ phase: SharePhase, _ share: Int) -> String {
    "\(self.phase(phase))/\(ShareFolder.name(of: share)).strips"
  }

  /// What the records are of that say it.
  func stripsOwner(_ phase: SharePhase, _ share: Int) -> Hash128 {
    owner(phase, "strips \(share)")
  }

  var plan: String { "\(run)/plan" }

  /// What a process must know to do a share; to put surveys together if nil.
  func slice(_ share: Int?) -> String {
    "\(plan)/\(share.map { ShareFolder.name(of: $0) } ?? "layers")"
  }

  /// What the records are of that say it.
  func sliceOwner(_ share: Int?) -> Hash128 {
    let what = share.map { "share \($0)" } ?? "layers"
    return Hash128(of: [identity.hexadecimal, "\(shareCount)", "plan", what])
  }

  /// The histograms of a share.
  func spectra(_ phase: SharePhase, _ share: Int) -> String {
    "\(self.phase(phase))/\(ShareFolder.name(of: share)).spectra"
  }

  /// What follows from all shares.
  func reduced(_ phase: SharePhase) -> String { "\(self.phase(phase))/\(phase.reducedName)" }

  /// What the records of a file are of: read where another is expected, none of them counts.
  func owner(_ phase: SharePhase, _ what: String) -> Hash128 {
    Hash128(of: [identity.hexadecimal, "\(shareCount)", phase.rawValue, what])
  }

  func owner(_ phase: SharePhase, share: Int) -> Hash128 { owner(phase, "share \(share)") }

  /// What the records are of that follow from all shares.
  func reducedOwner(_ phase: SharePhase) -> Hash128 { owner(phase, phase.reducedName) }

  private static func name(of share: Int) -> String { String(share).zeroPadded(to: 4) }

  /// A name that no other attempt has, on any machine.
  func newAttempt(_ phase: SharePhase, _ share: Int) -> String {
    let random = UInt64.random(in: .min ... .max)
    let host = ShareFolder.host.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    return "\(self.phase(phase))/\(ShareFolder.name(of: share))."
      + "\(host.prefix(64))-\(getpid())-\(String(random, radix: 16))"
  }

  /// The attempts at each share of a phase, by their paths.
  func attempts(_ phase: SharePhase) throws -> [Int: [String]] {
    var attempts: [Int: [String]] = [:]
    let path = self.phase(phase)
    guard try FileStatus.of(path) != nil else { return [:] }
    for entry in try Directory.list(path) where entry.status?.kind == .directory {
      guard let share = Int(entry.name.prefix { $0 != "." }) else { continue }
      attempts[share, default: []].append("\(path)/\(entry.name)")
    }
    return attempts
  }

  /// The name of this machine.
  private static var host: String {
    var name = utsname()
    // SAFETY: the record is a local variable, and its texts end with a zero.
    guard unsafe uname(&name) == 0 else { return "host" }
    return unsafe withUnsafeBytes(of: &name.nodename) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
