{
  description = "Recurring cloud-to-cloud transfers on the Amove desktop agent";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      each = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      version = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).workspace.package.version;
    in
    {
      packages = each (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = "transferd";
          inherit version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          buildType = "dist";
          # They need systemd, root and minutes; `.ci/run` plays them.
          doCheck = false;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          postInstall = ''
            mkdir man
            $out/bin/transferd man --dir man
            installManPage man/*.[15]
            installShellCompletion --cmd transferd \
              --bash <($out/bin/transferd completions bash) \
              --zsh <($out/bin/transferd completions zsh) \
              --fish <($out/bin/transferd completions fish)
            install -Dm644 systemd/transferd.service -t $out/lib/systemd/system
            install -Dm644 systemd/user/*.service -t $out/lib/systemd/user
            install -Dm644 systemd/transferd.sysusers.conf $out/lib/sysusers.d/transferd.conf
            install -Dm644 systemd/transferd.tmpfiles.conf $out/lib/tmpfiles.d/transferd.conf
            substituteInPlace $out/lib/systemd/system/*.service $out/lib/systemd/user/*.service \
              --replace-fail =/usr/bin/transferd =$out/bin/transferd
          '';
          meta = {
            description = "Recurring cloud-to-cloud transfers on the Amove desktop agent";
            license = with pkgs.lib.licenses; [
              mit
              asl20
            ];
            mainProgram = "transferd";
            platforms = systems;
          };
        };
      });

      nixosModules.default =
        {
          config,
          lib,
          pkgs,
          ...
        }:
        let
          package = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
        in
        {
          options.services.transferd.enable = lib.mkEnableOption "the transfer job runner";
          config = lib.mkIf config.services.transferd.enable {
            environment.systemPackages = [ package ];
            systemd.packages = [ package ];
            systemd.tmpfiles.packages = [ package ];
            # An upstream unit's [Install] does not count here.
            systemd.services.transferd.wantedBy = [ "multi-user.target" ];
            users.groups.transferd = { };
            users.users.transferd = {
              isSystemUser = true;
              group = "transferd";
              home = "/var/lib/transferd";
            };
          };
        };
    };
}
