internal import SluiceCore
internal import SluiceRun

/// What makes an engine do the shares of a run: scripts for `sh`, a manifest for Kubernetes.
struct ShareJobs {
  let output: String
  let shareCount: Int
  let phases: [SharePhase]
  let workers: Int
  let threads: Int
  let memory: ByteCount

  func text(for engine: ShareEngine) -> String {
    switch engine {
    case .xargs: xargs
    case .parallel: parallel
    case .slurm: slurm
    case .kubernetes: ShareManifest(jobs: self).text
    }
  }

  /// What does a share; `share` stands for its number.
  func work(_ phase: SharePhase, share: String) -> [String] {
    [
      "sluice", "work", output, "--share", "\(share)/\(shareCount)", "--phase", phase.rawValue,
      "--threads", "\(threads)", "--memory", memory.exactText, "--quiet",
    ]
  }

  /// The line of a shell that does a share; only what is the user's is quoted.
  private func line(_ phase: SharePhase, share: String) -> String {
    work(phase, share: share).map { $0 == output ? folder : $0 }.joined(separator: " ")
  }

  private var folder: String { output.quotedForShell }

  /// The commands between the phases and at the end.
  private func end(of phase: SharePhase) -> String {
    phase == phases.last
      ? "sluice finish \(folder)" : "sluice reduce \(folder) --phase \(phase.rawValue)"
  }

  private var head: String { "#!/bin/sh\nset -eu\n" }
  private var numbers: String { "seq 0 \(shareCount - 1)" }

  private var xargs: String {
    phases.reduce(head) { text, phase in
      // What stands for the number must not be in a path.
      let work = line(phase, share: "@SHARE@")
      return text + "\(numbers) | xargs -P \(workers) -I@SHARE@ \(work)\n\(end(of: phase))\n"
    }
  }

  private var parallel: String {
    let note =
      "# On several hosts that see the same folder: add -S host1,host2 after parallel.\n"
    return phases.reduce(head + note) { text, phase in
      // GNU parallel gives the line to a shell once more.
      let work = line(phase, share: "{}").quotedForShell
      return text
        + "\(numbers) | parallel --jobs \(workers) --retries 3 \(work)\n\(end(of: phase))\n"
    }
  }

  private var slurm: String {
    var text = head
    if shareCount > 1001 {
      text += "# Arrays end at MaxArraySize - 1, which is 1000 where nobody changed it.\n"
    }
    // What the system, the libraries and open files take beside the budget.
    let mebibytes = (memory.bytes + (1 << 20) - 1) >> 20 + 256
    var depends = ""
    func submit(_ name: String, _ options: String, _ command: String) -> String {
      "\(name)=$(sbatch --parsable \(depends)\(options)\\\n"
        + "  --wrap \(("exec " + command).quotedForShell))\n"
    }
    for phase in phases {
      let work = line(phase, share: "$SLURM_ARRAY_TASK_ID")
      text += submit(
        phase.rawValue,
        "--array=0-\(shareCount - 1)%\(workers) --requeue --open-mode=append --signal=TERM@60 "
          + "--cpus-per-task=\(threads) --mem=\(mebibytes)M ", work)
      // An array whose element failed once is never well any more, although it was requeued and done; whoever
      // comes next looks for itself whether all shares are there.
      depends = "--dependency=afterany:$\(phase.rawValue) "
      let end = phase == phases.last ? "finish" : "reduce"
      text += submit(end, "", self.end(of: phase))
      depends = "--dependency=afterok:$\(end) --kill-on-invalid-dep=yes "
    }
    return text + "echo \"submitted; the last job is $finish\"\n"
  }
}
