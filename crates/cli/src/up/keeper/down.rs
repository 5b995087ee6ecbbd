//! What the keeper does when services are to end on request, with servers that it has not started if that is asked for.

use styxy_core::order::set;

use super::Keeper;
use super::clients::Wants;
use super::service::{Goal, Life, Rest, Service};
use crate::up::wire::{Down, Hurry, Order, Outside, Said};

impl Keeper {
    pub(super) fn down(&mut self, client: u64, down: Down) {
        let Down { services, hurry, outside, environment: _, by_hand } = down;
        for order in by_hand {
            self.learn(order);
        }
        let unknown =
            services.iter().find(|label| self.services.iter().all(|one| one.order.label != **label));
        if let Some(label) = unknown {
            let known: Vec<&str> = self.services.iter().map(|one| one.order.label.as_str()).collect();
            let why = format!("there is no service {label} here; there are {}", known.join(", "));
            return self.clients.say(client, Said::Refused { why });
        }
        let is_meant = |service: &Service| services.is_empty() || services.contains(&service.order.label);
        let meant = set(self.services.iter().filter(|one| is_meant(one)).map(|one| one.order.label.clone()));
        let (mut resting, mut over) = (Vec::new(), Vec::new());
        for service in self.services.iter_mut().filter(|service| meant.contains(&service.order.label)) {
            if !service.state().is_settled() {
                self.clients.ends(Some(client), &service.order.label);
            }
            if end(service, hurry, outside) == Ends::Perhaps {
                resting.push(service.order.label.clone());
            } else if matches!(service.life, Life::Rests(_)) {
                over.push(service.order.label.clone());
            }
        }
        for label in over {
            self.give_back_of_resting(&label);
        }
        // A server may have been started since.
        for label in resting {
            self.look(&label);
        }
        self.clients.wants(client, Wants::Ended(meant));
    }

    /// A service whose server somebody has started by hand, which this keeper may never have heard of.
    fn learn(&mut self, order: Order) {
        if let Some(service) = self.service(&order.label) {
            if let Life::Rests(_) = service.life {
                service.order.lease = order.lease;
            }
        } else {
            let mut service = Service::new(order);
            service.rest(Rest::default());
            self.services.push(service);
        }
    }
}

/// What comes of the wish that a service ends.
#[derive(PartialEq, Eq)]
enum Ends {
    /// It ends, or has nothing that could.
    Known,
    /// That depends on whether somebody has started its server since.
    Perhaps,
}

fn end(service: &mut Service, hurry: Hurry, outside: Outside) -> Ends {
    service.end(hurry);
    if outside == Outside::Ends {
        service.outside = Outside::Ends;
    }
    match service.life {
        Life::Outside { .. } if outside == Outside::Ends => service.goal = Goal::Ends(hurry),
        Life::Rests(_) if service.is_left_container() => {
            service.stop_again(hurry);
        }
        Life::Rests(_) if outside == Outside::Ends => {
            service.goal = Goal::Ends(hurry);
            return Ends::Perhaps;
        }
        Life::Rests(_)
        | Life::Waits
        | Life::Looks
        | Life::Runs(..)
        | Life::Done(_)
        | Life::Outside { .. }
        | Life::Ends(..) => {}
    }
    Ends::Known
}
